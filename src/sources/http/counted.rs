//! Pages that are counted: an answer that says how many rows or pages there are, or an address that says where it
//! begins.

use super::pages::{Page, parameter_of, told, with_parameter};
use serde_json::Value;

/// What services call the rows before a page.
const OFFSETS: [&str; 4] = ["offset", "skip", "startAt", "start"];
/// What they call the number of all rows.
const TOTALS: [&str; 6] = ["total", "total_count", "totalCount", "total_results", "totalResults", "count"];
/// What they call the number of a page, with the number of all pages.
const PAGES: [(&str, &str); 6] = [
    ("page", "total_pages"),
    ("page", "totalPages"),
    ("page", "pages"),
    ("current_page", "last_page"),
    ("currentPage", "totalPages"),
    ("number", "totalPages"),
];
/// What they call the most rows of a page.
const SIZES: [&str; 6] = ["limit", "page_size", "pageSize", "per_page", "size", "maxResults"];

/// The address of the next page, where counts tell that there is one.
pub fn next(page: &Page) -> Option<String> {
    let here = page.rows.checked_sub(page.before).filter(|rows| *rows > 0)?;
    let found = |key: &str| told(page.answer).find_map(|object| number(object.get(key)?));
    let pages = PAGES.iter().find_map(|(number, all)| Some((found(number)?, found(all)?)));
    if let Some((number, all)) = pages {
        // Some count from 0.
        let last = if page.before == 0 && number == 0 { all.saturating_sub(1) } else { all };
        return (number < last).then(|| with_parameter(page.address, "page", &(number + 1).to_string()));
    }
    let total = TOTALS.iter().find_map(|key| found(key));
    let said = OFFSETS.iter().find_map(|key| Some((*key, found(key)?)));
    let asked = OFFSETS.iter().find_map(|key| Some((*key, parameter_of(page.address, key)?)));
    if let Some((key, offset)) = asked.or(said.filter(|_| total.is_some())) {
        let end = offset + here;
        let is_more = match total {
            Some(total) => end < total,
            // A page that is not full is the last.
            None => SIZES.iter().find_map(|key| parameter_of(page.address, key)).is_none_or(|size| here >= size),
        };
        return is_more.then(|| with_parameter(page.address, key, &end.to_string()));
    }
    let at = parameter_of(page.address, "page").or_else(|| found("page").filter(|_| total.is_some()))?;
    let is_more = total.map_or_else(
        || SIZES.iter().find_map(|key| parameter_of(page.address, key)).is_none_or(|size| here >= size),
        |total| page.rows < total,
    );
    is_more.then(|| with_parameter(page.address, "page", &(at + 1).to_string()))
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_lead_from_page_to_page() {
        for (answer, address, before, rows, wanted) in [
            (json!({"offset": 0, "limit": 2, "total": 5}), "http://h/a", 0, 2, Some("http://h/a?offset=2")),
            (json!({"offset": 4, "limit": 2, "total": 5}), "http://h/a?offset=4", 4, 5, None),
            (json!({"page": 1, "total_pages": 3}), "http://h/a", 0, 2, Some("http://h/a?page=2")),
            (json!({"meta": {"current_page": 3, "last_page": 3}}), "http://h/a?page=3", 4, 5, None),
            (json!([1, 2]), "http://h/a?skip=0&limit=2", 0, 2, Some("http://h/a?limit=2&skip=2")),
            (json!([1]), "http://h/a?skip=2&limit=2", 2, 3, None),
            (json!([]), "http://h/a?skip=2", 2, 2, None),
            (json!([1, 2]), "http://h/a?page=1", 0, 2, Some("http://h/a?page=2")),
            (json!({"page": 1, "total": 5}), "http://h/a", 0, 2, Some("http://h/a?page=2")),
            (json!({"page": 3, "total": 5}), "http://h/a?page=3", 4, 5, None),
            (json!({"total": 5}), "http://h/a", 0, 2, None),
        ] {
            let page = Page { answer: &answer, link: None, address, before, rows };
            assert_eq!(next(&page).as_deref(), wanted, "{answer} {address}");
        }
    }
}
