//! The page for a kiosk's browser, and the description of the API: files that are in the program. A house's own style
//! and logo are files in its home.

use super::body::Reply;
use super::house::House;
use super::own::DESCRIPTION;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use std::path::Path;

/// What a page of ours may do: nothing but ask where it came from.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The folder of a house's own look, in its home.
const THEME: &str = "theme";
/// The largest file of it.
const LARGEST: u64 = 4 << 20;

/// A path, what is there, and what kind it is.
type File = (&'static str, &'static str, &'static str);

const FILES: [File; 8] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/staff", "text/html; charset=utf-8", include_str!("page/staff.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
    ("/words.js", "text/javascript; charset=utf-8", include_str!("page/words.js")),
    ("/common.js", "text/javascript; charset=utf-8", include_str!("page/common.js")),
    ("/kiosk.js", "text/javascript; charset=utf-8", include_str!("page/kiosk.js")),
    ("/staff.js", "text/javascript; charset=utf-8", include_str!("page/staff.js")),
    ("/openapi.json", "application/json", DESCRIPTION),
];

/// The file at a path, where there is one.
pub fn find(house: &House, path: &str) -> Option<Response<Reply>> {
    match path {
        "/theme/theme.css" => {
            // A house without a style of its own has an empty one.
            let style = own(house.runtime.home(), "theme.css").unwrap_or_default();
            Some(file("text/css; charset=utf-8", style.into()))
        }
        "/theme/logo" => {
            let kinds = [("logo.svg", "image/svg+xml"), ("logo.png", "image/png")];
            let found = kinds.into_iter().find_map(|(name, kind)| Some((kind, own(house.runtime.home(), name)?)));
            // Nothing to see is a picture, too: a page that has none asks for it all the same.
            let none =
                || ("image/svg+xml", br#"<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0"/>"#.to_vec());
            let (kind, bytes) = found.unwrap_or_else(none);
            Some(file(kind, bytes.into()))
        }
        _ => FILES
            .iter()
            .find(|(at, ..)| *at == path)
            .map(|(_, kind, text)| file(kind, Bytes::from_static(text.as_bytes()))),
    }
}

/// A file of a house's own look.
fn own(home: &Path, name: &str) -> Option<Vec<u8>> {
    let path = home.join(THEME).join(name);
    let is_small = std::fs::metadata(&path).is_ok_and(|about| about.len() <= LARGEST);
    is_small.then(|| std::fs::read(&path).ok()).flatten()
}

fn file(kind: &'static str, bytes: Bytes) -> Response<Reply> {
    let mut response = Response::new(Reply::Whole(Some(bytes)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(HeaderName::from_static("content-security-policy"), HeaderValue::from_static(POLICY));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use wayside::config::Language;

    #[test]
    fn the_page_is_light_and_fetches_nothing_from_elsewhere() {
        let pages = FILES.iter().filter(|(path, ..)| *path != "/openapi.json");
        let bytes: usize = pages.clone().map(|(.., text)| text.len()).sum();
        assert!(bytes <= 150_000, "{bytes} bytes");
        for (path, _, text) in pages {
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{path} names another host");
            assert!(!text.contains("style=") && !text.contains("onclick=\""), "{path} has what its policy forbids");
        }
    }

    #[test]
    fn each_language_says_what_each_other_says() {
        let words = FILES.iter().find(|(path, ..)| *path == "/words.js").unwrap().2;
        let languages: Vec<&str> = words.split("name: \"").skip(1).collect();
        let keys = |text: &str| {
            let mut keys: Vec<String> = regex::Regex::new(r"(?:^|[ ,])([a-z]+): .")
                .unwrap()
                .captures_iter(text.split("\n  },").next().unwrap())
                .map(|found| found[1].to_owned())
                .filter(|key| key != "dir")
                .collect();
            keys.sort();
            keys
        };
        assert_eq!(languages.len(), Language::ALL.len());
        for language in &languages[1..] {
            assert_eq!(keys(language), keys(languages[0]), "{}", &language[..20]);
        }
    }
}
