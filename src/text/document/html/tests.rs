//! Pages as they are found.

use super::*;

fn texts(html: &str) -> Vec<String> {
    let section = |s: super::super::Section| {
        if s.path.is_empty() { s.text } else { format!("{}: {}", s.path.join("/"), s.text) }
    };
    read(html).1.into_iter().map(section).collect()
}

#[test]
fn white_space_is_the_browsers() {
    assert_eq!(texts("<p>a\n  b<b> c</b>d&nbsp;e</p><p>f<br> g"), ["a b cd e\n\nf\ng"]);
    assert_eq!(texts("<p><b>Why?</b> Because.<p><b>a</b> b.<p>c <b>d.</b> e."), ["Why?\nBecause.\n\na b.\n\nc d. e."]);
    assert_eq!(texts("<pre>\n  a\n    b\n</pre>"), ["  a\n    b"]);
}

#[test]
fn hidden_parts_are_left_out_unless_they_never_end() {
    assert_eq!(texts("a<nav>b<nav>c</nav>d</nav><i aria-hidden=true>e</i><p hidden>f"), ["a\n\nf"]);
    assert_eq!(texts("a<nav>b<p>c<script>d</script>"), ["ab\n\nc"]);
    assert!(texts("<script>a").is_empty());
}

#[test]
fn tables_that_hold_the_layout_are_dissolved() {
    assert_eq!(texts("<table><tr><td>menu<td><h2>A</h2><p>b</table>"), ["menu", "A: b"]);
    assert_eq!(texts("<table><tr><td><table><tr><td>a<td>b</table><td>c</table>"), ["| a | b |\n\nc"]);
    assert_eq!(texts("<table><tr><td>a</td></tr><tr><td>b</td></tr></table>"), ["a\n\nb"]);
}

#[test]
fn a_heading_that_is_never_closed_is_text() {
    let long = "word ".repeat(300);
    assert_eq!(texts(&format!("<h2>{long}<p>end")), [format!("{}\n\nend", long.trim_end())]);
    assert_eq!(texts("<h2>A<h3>B</h3>c"), ["A/B: c"]);
}

#[test]
fn time_is_linear_in_depth_and_in_attributes() {
    for piece in ["<div>", "<b>", "<ul>", "<li>", "<table><td>", "<h1>", "</p>", "<nav>", "&am", "<pre>", "<tr>"] {
        read(&piece.repeat(100_000));
    }
    read(&format!("<p {}>", "a ".repeat(200_000)));
}

#[test]
fn cells_that_span_others_stand_in_every_place() {
    let table = "<table><tr><th>Shop</th><th>Day</th><th>Hours</th></tr><tr><td rowspan=2>North<td>Mon<td>9-17\
                 <tr><td>Tue<td>10-18</table>";
    let wanted = "| Shop | Day | Hours |\n| --- | --- | --- |\n| North | Mon | 9-17 |\n| North | Tue | 10-18 |";
    assert_eq!(texts(table), [wanted]);
}

#[test]
fn what_stands_above_the_line_changes_no_number() {
    assert_eq!(
        texts("<p>Kettle 9<sup>99</sup> EUR, 10<sup>6</sup> cycles, H<sub>2</sub>O"),
        ["Kettle 9⁹⁹ EUR, 10⁶ cycles, H₂O"]
    );
}

#[test]
fn lines_of_scripts_without_spaces_are_joined_without_and_soft_breaks_are_not_seen() {
    assert_eq!(texts("<p>保証期間は\n二年です。 OK\nyes"), ["保証期間は二年です。 OK yes"]);
    assert_eq!(texts("<p>a<img alt='A red lamp' src=x>b"), ["a [A red lamp] b"]);
}
