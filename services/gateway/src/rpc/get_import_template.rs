//! Gives an empty table with the headings of an import, and one example.

use common::{
    error::{Error, Result},
    service::Call,
};
use proto::{
    aftercare::gateway::v1::{GetImportTemplateRequest, SheetFormat},
    google::api::HttpBody,
};

use crate::{
    convert,
    exchange::{
        cell::Cell,
        sheet::{self, Form},
    },
    service::Context,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetImportTemplateRequest) -> Result<HttpBody> {
    let Some(kind) = convert::exchange::imported(request.kind()) else {
        return Err(Error::invalid("kind", "required"));
    };
    let plan = ctx.exchange.plans.of(kind);
    let heading: Vec<&str> = plan.columns.iter().map(|column| column.title(call.language)).collect();
    let example = plan.columns.iter().map(|column| Cell::Text(column.example.clone())).collect();
    let (form, data) = match request.format() {
        SheetFormat::Xlsx => (Form::Xlsx, sheet::workbook(&heading, &[example])?),
        SheetFormat::Csv | SheetFormat::Unspecified => {
            // Filled in by hand in a spreadsheet, which must see that it is UTF-8.
            let lines = [sheet::MARK.to_vec(), sheet::csv_heading(&heading)?, sheet::csv_rows(&[example])?];
            (Form::Csv { mark: true }, lines.concat())
        }
    };
    Ok(HttpBody { content_type: form.content_type().to_owned(), data, extensions: Vec::new() })
}
