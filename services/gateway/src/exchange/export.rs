//! One export: page after page as whoever started it, each written together with how far it is. A workbook is made when
//! all its rows are there.

use std::io::Read as _;

use common::{Error, Result};
use tonic::metadata::MetadataMap;

use super::{
    jobs::{Ended, Run},
    list,
    sheet::{self, Book},
};
use crate::{
    domain::exchange::{Format, Job},
    store::exchange::{self as store, Part},
};

/// Bytes of one piece of a workbook.
const PIECE: usize = 256 * 1024;

/// What is to be exported, from where and into which form.
pub(crate) struct Wish<'t> {
    pub(crate) path: &'t str,
    pub(crate) query: &'t str,
    pub(crate) format: Format,
}

/// Runs until the end of the list.
pub(crate) async fn run(run: &mut Run<'_>, job: &Job, wish: Wish<'_>) -> Result<i64, Ended> {
    let ctx = run.ctx;
    // Not once for all: a right that was taken away ends the export at the next page.
    let wanted = ctx.exchange.wanted(wish.path, wish.query, &run.actor())?;
    let heading = wanted.list.heading();
    let part = match wish.format {
        Format::Csv | Format::CsvMarked => Part::Result,
        Format::Xlsx => Part::Rows,
    };
    while !run.progress.read_all {
        run.check().await?;
        let page = run
            .patiently(|| async {
                let way = ctx.core.way(&wanted.list.service(), &run.actor(), run.language);
                let way = way.map_err(|error| common::rpc::status(&ctx.core, run.language, error))?;
                let at = (run.progress.token.as_str(), list::PAGE);
                wanted.list.page(way, MetadataMap::new(), &wanted.request, at).await
            })
            .await?;
        let bytes = match wish.format {
            Format::Xlsx => serde_json::to_vec(&page.rows).map_err(Error::internal)?,
            Format::Csv | Format::CsvMarked => {
                let mut bytes = Vec::new();
                if run.progress.pieces == 0 {
                    if wish.format == Format::CsvMarked {
                        bytes.extend_from_slice(sheet::MARK);
                    }
                    bytes.extend(sheet::csv_heading(&heading)?);
                }
                bytes.extend(sheet::csv_rows(&page.rows)?);
                bytes
            }
        };
        let mut progress = run.progress.clone();
        progress.rows_done += i64::try_from(page.rows.len()).unwrap_or_default();
        progress.bytes += i64::try_from(bytes.len()).unwrap_or_default();
        progress.read_all = page.next.is_empty();
        progress.token = page.next;
        run.write(&job.id, (part, bytes), progress).await?;
    }
    match wish.format {
        Format::Csv | Format::CsvMarked => Ok(run.progress.bytes),
        Format::Xlsx => book(run, job, &heading).await,
    }
}

/// Makes the workbook out of the rows.
async fn book(run: &mut Run<'_>, job: &Job, heading: &[&str]) -> Result<i64, Ended> {
    let db = &run.ctx.core.db;
    let joined = |error: tokio::task::JoinError| Ended::from(Error::internal(error));
    let mut book = Book::new(heading)?;
    for place in 0..run.progress.pieces {
        run.check().await?;
        let piece = store::piece_at(db.read(), job.id.as_str(), Part::Rows, place).await?.unwrap_or_default();
        book = tokio::task::spawn_blocking(move || {
            let rows: Vec<_> = serde_json::from_slice(&piece).map_err(Error::internal)?;
            book.add(&rows)?;
            Ok::<_, Error>(book)
        })
        .await
        .map_err(joined)??;
    }
    let mut file = tokio::task::spawn_blocking(move || book.finish()).await.map_err(joined)??;
    // A try that broke off may have left pieces.
    store::drop_pieces(db.write(), &job.id, Some(Part::Result)).await?;
    let (mut place, mut size) = (0, 0);
    loop {
        run.check().await?;
        let mut bytes = vec![0; PIECE];
        let mut filled = 0;
        while filled < PIECE {
            match file.read(&mut bytes[filled..]).map_err(Error::internal)? {
                0 => break,
                more => filled += more,
            }
        }
        if filled == 0 {
            break;
        }
        bytes.truncate(filled);
        size += i64::try_from(filled).unwrap_or_default();
        store::add_piece(db.write(), &job.id, Part::Result, place, bytes).await?;
        place += 1;
    }
    store::drop_pieces(db.write(), &job.id, Some(Part::Rows)).await?;
    Ok(size)
}
