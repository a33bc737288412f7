//! Lists of the contract, page by page.

use std::str::FromStr as _;

use http::uri::PathAndQuery;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MethodDescriptor, Value};
use tonic::{
    Request, Status,
    body::Body,
    client::GrpcService,
    codegen::{Body as ResponseBody, StdError},
    metadata::MetadataMap,
};

use super::cell::{self, Column, Row};
use crate::rest::codec::DynamicCodec;

/// Rows of one page: what every service gives at the most.
pub(crate) const PAGE: i32 = 500;
/// Largest page that is taken.
const LARGEST_PAGE: usize = 64 * 1024 * 1024;

/// The field that holds the items, when this RPC is a list.
pub(crate) fn items(method: &MethodDescriptor) -> Option<FieldDescriptor> {
    let (input, output) = (method.input(), method.output());
    let pages = input.get_field_by_name("page_token").is_some() && input.get_field_by_name("page_size").is_some();
    let pages = pages && output.get_field_by_name("next_page_token").is_some();
    if !pages || !method.name().starts_with("List") {
        return None;
    }
    output.fields().find(|field| field.is_list() && matches!(field.kind(), Kind::Message(_)))
}

/// The service of a method: `parts-inventory` for `aftercare.parts_inventory.v1`.
pub(crate) fn service(method: &MethodDescriptor) -> String {
    let service = method.parent_service();
    service.package_name().split('.').nth(1).unwrap_or_default().replace('_', "-")
}

/// A list as a table.
#[derive(Clone, Debug)]
pub(crate) struct List {
    method: MethodDescriptor,
    path: PathAndQuery,
    items: FieldDescriptor,
    pub(crate) columns: Vec<Column>,
}

/// Rows of one page, and the token of the next one; empty behind the last.
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    pub(crate) next: String,
}

impl List {
    /// The RPC as a list, when it is one.
    pub(crate) fn of(method: &MethodDescriptor) -> Option<Self> {
        let items = items(method)?;
        let Kind::Message(item) = items.kind() else { return None };
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let path = PathAndQuery::from_str(&path).ok()?;
        Some(Self { method: method.clone(), path, items, columns: cell::columns(&item) })
    }

    /// Names of the columns.
    pub(crate) fn heading(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// The service that answers it, by its name.
    pub(crate) fn service(&self) -> String {
        service(&self.method)
    }

    /// Fetches the page of `size` rows at `token`.
    pub(crate) async fn page<S>(
        &self,
        service: S,
        metadata: MetadataMap,
        request: &DynamicMessage,
        (token, size): (&str, i32),
    ) -> Result<Page, Status>
    where
        S: GrpcService<Body>,
        S::ResponseBody: ResponseBody + Send + 'static,
        <S::ResponseBody as ResponseBody>::Error: Into<StdError> + Send,
    {
        let mut message = request.clone();
        message.set_field_by_name("page_size", Value::I32(size));
        message.set_field_by_name("page_token", Value::String(token.to_owned()));
        let mut call = Request::new(message);
        *call.metadata_mut() = metadata;
        let mut client = tonic::client::Grpc::new(service).max_decoding_message_size(LARGEST_PAGE);
        client.ready().await.map_err(|error| Status::from_error(error.into()))?;
        let answer = client.unary(call, self.path.clone(), DynamicCodec(self.method.output())).await?.into_inner();
        let rows = match &*answer.get_field(&self.items) {
            Value::List(items) => {
                items.iter().filter_map(Value::as_message).map(|item| cell::row(&self.columns, item)).collect()
            }
            _ => Vec::new(),
        };
        let next = answer.get_field_by_name("next_page_token");
        let next = next.and_then(|next| next.as_str().map(str::to_owned)).unwrap_or_default();
        Ok(Page { rows, next })
    }
}
