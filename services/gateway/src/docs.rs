//! The pages people read: a landing page, the reference rendered from the OpenAPI document, the table of reasons.
//! Each is one file without a single outside resource.

pub(crate) mod guide;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Reasons, rest::http_status};

const STYLE: &str = include_str!("docs/style.css");
const FILTER: &str = include_str!("docs/filter.js");

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A text of the contract: escaped, `code` marked, lines kept.
fn prose(text: &str) -> String {
    let mut out = String::new();
    for (index, piece) in escape(text).split('`').enumerate() {
        if index % 2 == 1 {
            out.push_str(&format!("<code>{piece}</code>"));
        } else {
            out.push_str(&piece.replace("\n\n", "<br><br>").replace("\n- ", "<br>• "));
        }
    }
    out
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{}</title><style>{STYLE}</style></head><body>{body}</body></html>",
        escape(title)
    )
}

/// The page at `/`.
pub(crate) fn landing() -> String {
    page(
        "Aftercare",
        "<main class=\"narrow\"><h1>Aftercare</h1><p>After-sales service: requests, visits, parts, complaints, surveys.</p><ul class=\"links\"><li><a href=\"/docs/guide\">Guide</a> with examples (<a href=\"/docs/guide/zh-CN\" lang=\"zh-CN\">中文</a>)</li><li><a href=\"/docs\">Reference</a> of every call over REST and gRPC</li><li><a href=\"/docs/errors\">Reasons</a> for which a call can be refused</li><li><a href=\"/openapi.json\">openapi.json</a> for tools</li><li><a href=\"/readyz\">Health</a></li></ul></main>",
    )
}

/// The page at `/docs`.
pub(crate) fn reference(document: &Value) -> String {
    let empty = serde_json::Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    let mut by_tag: BTreeMap<&str, Vec<(&str, &str, &Value)>> = BTreeMap::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap_or(&empty) {
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            by_tag.entry(tag).or_default().push((path, method, operation));
        }
    }
    let mut side = String::new();
    let mut main = format!("<h1>Reference</h1><p>{}</p>", prose(text(&document["info"], "description")));
    for tag in document["tags"].as_array().into_iter().flatten() {
        let name = text(tag, "name");
        let operations = by_tag.remove(name).unwrap_or_default();
        side.push_str(&format!("<h3><a href=\"#{0}\">{0}</a></h3>", escape(name)));
        main.push_str(&format!("<h2 id=\"{0}\">{0}</h2><p>{1}</p>", escape(name), prose(text(tag, "description"))));
        for (path, method, operation) in operations {
            side.push_str(&format!(
                "<a class=\"entry\" href=\"#{}\">{}</a>",
                escape(text(operation, "operationId")),
                escape(text(operation, "operationId").split_once('_').map_or("", |(_, name)| name))
            ));
            main.push_str(&one(path, method, operation));
        }
    }
    main.push_str("<h2 id=\"schemas\">Messages</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().unwrap_or(&empty) {
        main.push_str(&format!(
            "<details class=\"op\" id=\"{0}\"><summary><b>{0}</b></summary><p>{1}</p>{2}</details>",
            escape(name),
            prose(text(schema, "description")),
            fields(schema)
        ));
    }
    let body = format!(
        "<nav><p><a href=\"/\">Aftercare</a> · <a href=\"/docs/errors\">reasons</a> · <a href=\"/openapi.json\">openapi.json</a></p><input id=\"filter\" type=\"search\" placeholder=\"filter\" aria-label=\"filter\">{side}<h3><a href=\"#schemas\">Messages</a></h3></nav><main>{main}</main><script>{FILTER}</script>"
    );
    page("Aftercare reference", &body)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn one(path: &str, method: &str, operation: &Value) -> String {
    let mut rows = String::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        if let Some(reference) = parameter["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            rows.push_str(&format!("<tr><td>{}</td><td>header</td><td></td></tr>", escape(name)));
            continue;
        }
        rows.push_str(&format!(
            "<tr><td><code>{}</code></td><td>{} {}</td><td>{}</td></tr>",
            escape(text(parameter, "name")),
            escape(text(parameter, "in")),
            kind(&parameter["schema"]),
            prose(text(parameter, "description"))
        ));
    }
    let mut html = format!(
        "<details class=\"op\" id=\"{}\"><summary><span class=\"m {}\">{}</span> <code>{}</code> <span class=\"s\">{}</span></summary><p>{}</p>",
        escape(text(operation, "operationId")),
        escape(method),
        escape(&method.to_uppercase()),
        escape(path),
        escape(text(operation, "summary")),
        prose(text(operation, "description"))
    );
    if !rows.is_empty() {
        html.push_str(&format!("<h4>Parameters</h4><table>{rows}</table>"));
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        html.push_str(&format!("<h4>Body</h4>{}", fields(body)));
    }
    let content = operation["responses"]["200"]["content"].as_object();
    if let Some((kind_of, media)) = content.and_then(|content| content.iter().next()) {
        html.push_str(&format!("<h4>Answer</h4><p><code>{}</code> {}</p>", escape(kind_of), kind(&media["schema"])));
    }
    html.push_str("</details>");
    html
}

fn fields(schema: &Value) -> String {
    let Some(properties) = schema["properties"].as_object() else {
        return format!("<p>{}</p>", kind(schema));
    };
    let needed: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let rows: String = properties
        .iter()
        .map(|(name, field)| {
            format!(
                "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td></tr>",
                escape(name),
                if needed.contains(&name.as_str()) { " <b title=\"needed\">*</b>" } else { "" },
                kind(field),
                prose(text(field, "description"))
            )
        })
        .collect();
    format!("<table>{rows}</table>")
}

fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escape(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some(name) => match schema["format"].as_str() {
            Some(format) => format!("{} ({})", escape(name), escape(format)),
            None => escape(name),
        },
        None => String::new(),
    }
}

/// The page at `/docs/errors`: every reason of every catalogue with its status and its texts.
pub(crate) fn errors(known: &[Reasons]) -> String {
    let mut rows = BTreeMap::new();
    for (service, reasons, catalog) in known {
        let texts: BTreeMap<&str, (&str, &str)> =
            catalog.rows().map(|(name, english, chinese)| (name, (english, chinese))).collect();
        for reason in *reasons {
            let (english, chinese) = texts.get(reason.name).copied().unwrap_or_default();
            let code = reason.kind.code();
            rows.entry((reason.name, *service)).or_insert_with(|| {
                format!(
                    "<tr id=\"{0}\"><td><code>{0}</code></td><td>{1}</td><td>{2:?}</td><td>{3}</td><td>{4}</td><td lang=\"zh-CN\">{5}</td></tr>",
                    reason.name,
                    escape(service),
                    code,
                    http_status(code).as_u16(),
                    escape(english),
                    escape(chinese)
                )
            });
        }
    }
    let rows: String = rows.into_values().collect();
    page(
        "Aftercare reasons",
        &format!(
            "<main class=\"wide\"><p><a href=\"/\">Aftercare</a> · <a href=\"/docs\">reference</a></p><h1>Reasons</h1><p>A refused call answers with <code>google.rpc.Status</code>. Its <code>ErrorInfo</code> names one of these reasons; they are stable, the texts are not. The words in braces are facts that <code>ErrorInfo.metadata</code> carries.</p><table><tr><th>Reason</th><th>Service</th><th>gRPC</th><th>HTTP</th><th>English</th><th>中文</th></tr>{rows}</table></main>"
        ),
    )
}
