//! What the elements of HTML mean to a reader.

/// Elements whose content is not for reading.
pub fn is_program(name: &[u8]) -> bool {
    matches!(name, b"script" | b"style" | b"template" | b"iframe" | b"noframes" | b"noembed")
}

/// Elements that are not what the page says.
#[rustfmt::skip]
pub fn is_aside(name: &[u8]) -> bool {
    matches!(
        name,
        b"nav" | b"noscript" | b"svg" | b"object" | b"canvas" | b"select" | b"button" | b"audio" | b"video"
            | b"datalist"
    )
}

/// Whether the element must be closed, so that the end of a hidden one can be told.
#[rustfmt::skip]
pub fn is_closed(name: &[u8]) -> bool {
    !matches!(
        name,
        b"html" | b"body" | b"p" | b"li" | b"dt" | b"dd" | b"tr" | b"td" | b"th" | b"option" | b"br" | b"hr" | b"img"
            | b"input" | b"link" | b"meta" | b"area" | b"base" | b"col" | b"embed" | b"source" | b"track" | b"wbr"
    )
}

/// Elements that start on a line of their own.
#[rustfmt::skip]
pub fn is_block(name: &[u8]) -> bool {
    matches!(
        name,
        b"address" | b"article" | b"aside" | b"blockquote" | b"body" | b"caption" | b"center" | b"dd" | b"details"
            | b"dialog" | b"div" | b"dt" | b"fieldset" | b"figcaption" | b"figure" | b"footer" | b"form" | b"header"
            | b"hgroup" | b"hr" | b"html" | b"legend" | b"li" | b"main" | b"p" | b"section" | b"summary" | b"tbody"
            | b"tfoot" | b"thead"
    )
}
