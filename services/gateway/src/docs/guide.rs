//! The guide for those who write programs against the API, in both languages. Its examples are files that the tests run;
//! they stand in the page as they are.

use super::{escape, page};

const ENGLISH: &str = include_str!("../../docs/guide.en.html");
const CHINESE: &str = include_str!("../../docs/guide.zh-CN.html");
const EXAMPLES: [(&str, &str); 6] = [
    ("curl/pages.sh", include_str!("../../docs/examples/curl/pages.sh")),
    ("curl/export.sh", include_str!("../../docs/examples/curl/export.sh")),
    ("curl/import.sh", include_str!("../../docs/examples/curl/import.sh")),
    ("python/customers.py", include_str!("../../docs/examples/python/customers.py")),
    ("typescript/provider.mjs", include_str!("../../docs/examples/typescript/provider.mjs")),
    ("typescript/changes.mjs", include_str!("../../docs/examples/typescript/changes.mjs")),
];

/// The page at `/docs/guide` in English, at `/docs/guide/zh-CN` in Chinese.
pub(crate) fn guide(chinese: bool) -> String {
    let (title, text, other) = if chinese {
        ("Aftercare 接口指南", CHINESE, "<a href=\"/docs/guide\">English</a>")
    } else {
        ("Aftercare guide", ENGLISH, "<a href=\"/docs/guide/zh-CN\" lang=\"zh-CN\">中文</a>")
    };
    let mut body = text.to_owned();
    for (name, source) in EXAMPLES {
        let block = format!(
            "<details class=\"op\" open><summary><code>{name}</code></summary><pre style=\"overflow:auto\"><code>{}</code></pre></details>",
            escape(source)
        );
        body = body.replace(&format!("{{{{{name}}}}}"), &block);
    }
    let language = if chinese { " lang=\"zh-CN\"" } else { "" };
    page(
        title,
        &format!(
            "<main{language}><p><a href=\"/\">Aftercare</a> · <a href=\"/docs\">reference</a> · <a href=\"/docs/errors\">reasons</a> · {other}</p><h1>{title}</h1>{body}</main>"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_sections_and_all_examples() {
        let sections = |text: &str| -> Vec<String> {
            text.split("<h2 id=\"").skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect()
        };
        assert_eq!(sections(ENGLISH), sections(CHINESE));
        for chinese in [false, true] {
            let page = guide(chinese);
            assert!(!page.contains("{{"), "an example is missing");
            assert!(EXAMPLES.iter().all(|(name, _)| page.contains(name)));
        }
    }
}
