//! Service-request creation over REST against pgbench with the same statements.

use std::{path::Path, process::Stdio};

use anyhow::{Context as _, ensure};
use harness::{Faults, Surface, client::Door, median, steps};
use http::{HeaderMap, HeaderValue, Method, header};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use tokio::process::Command;

use crate::{
    CALLERS, ROUNDS, SECONDS, Stage,
    load::{AsyncCaller, measure},
};

/// Households that the requests are about: so many that few of them ask twice in a run. Every request has an address of
/// its own, as in life; otherwise all of them would be each other's possible duplicates.
const HOUSEHOLDS: usize = 1_000;

/// What one creation does in the database, as PostgreSQL's statement log shows it: the claim of the request id, customer,
/// product, two looks at the product's other requests (duplicates, repair warranty), request, history, event, timer, answer.
const STATEMENTS: &str = r#"\set n random(1, 1000000000)
\set k random(1, 1000000000)
\set h random(0, HOUSEHOLDS - 1)
BEGIN;
INSERT INTO idempotency (key, fingerprint, answer, created_at) VALUES ('bench|create|' || :n || '-' || :k, '\x00', '\x', now()) ON CONFLICT (key) DO NOTHING;
SELECT * FROM customer WHERE id = (SELECT id FROM bench_customer WHERE n = :h) LIMIT 1;
SELECT * FROM product WHERE id = (SELECT id FROM bench_product WHERE n = :h) LIMIT 1;
SELECT * FROM service_request WHERE product_id = (SELECT id FROM bench_product WHERE n = :h) AND open ORDER BY created_at DESC LIMIT 20;
SELECT * FROM service_request WHERE product_id = (SELECT id FROM bench_product WHERE n = :h) AND state IN ('resolved', 'closed') ORDER BY created_at DESC LIMIT 20;
INSERT INTO service_request SELECT (jsonb_populate_record(r, jsonb_build_object('id', 'b' || :n || '-' || :k, 'number', 'b' || :n || '-' || :k, 'product_id', (SELECT id FROM bench_product WHERE n = :h)))).* FROM bench_request r;
INSERT INTO history SELECT (jsonb_populate_record(h, jsonb_build_object('id', 'b' || :n || '-' || :k, 'record_id', 'b' || :n || '-' || :k))).* FROM bench_history h;
INSERT INTO outbox (event_id, aggregate_kind, aggregate_id, aggregate_version, envelope, created_at, published_at) SELECT 'b' || :n || '-' || :k, aggregate_kind, 'b' || :n || '-' || :k, 1, envelope, now(), now() FROM bench_outbox;
INSERT INTO timer (kind, subject, due_at, next_try_at, tries) VALUES ('bench', :n || '-' || :k, now() + interval '1 day', now() + interval '1 day', 0) ON CONFLICT (kind, subject) DO UPDATE SET due_at = excluded.due_at;
UPDATE idempotency SET answer = (SELECT answer FROM bench_answer) WHERE key = 'bench|create|' || :n || '-' || :k;
COMMIT;
"#;

struct Caller {
    door: Door,
    households: std::sync::Arc<Vec<(String, String)>>,
    number: usize,
    calls: usize,
    run: u64,
}

impl AsyncCaller for Caller {
    async fn call(&mut self) -> anyhow::Result<()> {
        self.calls += 1;
        let (customer, product) = &self.households[(self.calls * CALLERS + self.number) % self.households.len()];
        let body = format!(
            "{{\"requestId\": \"bench-{}-{}-{}\", \"customerId\": \"{customer}\", \"productId\": \"{product}\", \"kind\": \"REQUEST_KIND_REPAIR\", \"channel\": \"CHANNEL_HOTLINE\", \"urgency\": \"URGENCY_NORMAL\", \"faultCode\": \"WM01\", \"description\": \"洗衣机不排水\", \"address\": {{\"city\": \"上海市\", \"district\": \"徐汇区\", \"divisionCode\": \"310104\", \"line\": \"漕溪北路 {}-{}-{} 号\"}}}}",
            self.run, self.number, self.calls, self.run, self.number, self.calls
        );
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = self.door.raw(Method::POST, "/v1/service-requests", headers, body).await;
        let (status, _, answer) = answer.map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&answer));
        Ok(())
    }
}

pub(crate) async fn run(stage: &Stage) -> anyhow::Result<()> {
    let door = Door::new(&stage.gateway)?;
    let agent = harness::Person::new(door.clone(), "agent", "us_bench", Surface::Rest, Faults::None);
    let mut households = Vec::new();
    for _ in 0..HOUSEHOLDS {
        let household = steps::household(&agent, 60).await;
        households.push((household.customer_id, household.product_id));
    }
    let households = std::sync::Arc::new(households);
    let (mut rates, mut references, mut ratios, mut last) = (Vec::new(), Vec::new(), Vec::new(), None);
    for round in 0..ROUNDS {
        let caller =
            |number| Caller { door: door.clone(), households: households.clone(), number, calls: 0, run: round as u64 };
        let found = measure(caller).await?;
        if round == 0 {
            model(stage, &households).await?;
        }
        let reference = pgbench(&stage.db.url).await?;
        rates.push(found.rate);
        references.push(reference);
        ratios.push(found.rate / reference);
        last = Some(found);
    }
    let last = last.context("no round")?;
    println!("service-request creation");
    println!("  through REST and gateway   {:>8.0} /s   p50 {:?}  p99 {:?}", median(rates), last.p50, last.p99);
    println!("  pgbench, same statements   {:>8.0} /s", median(references));
    println!("  ratio                      {:>8.2}\n", median(ratios));
    Ok(())
}

/// Rows that pgbench copies: as large as the real ones.
async fn model(stage: &Stage, households: &[(String, String)]) -> anyhow::Result<()> {
    let mut sql = String::from(
        "CREATE TABLE bench_customer (n int PRIMARY KEY, id text); CREATE TABLE bench_product (n int PRIMARY KEY, id text);",
    );
    for (n, (customer, product)) in households.iter().enumerate() {
        sql.push_str(&format!("INSERT INTO bench_customer VALUES ({n}, '{customer}'); INSERT INTO bench_product VALUES ({n}, '{product}');"));
    }
    for (name, table) in
        [("bench_request", "service_request"), ("bench_history", "history"), ("bench_outbox", "outbox")]
    {
        let kind = if table == "service_request" {
            "true"
        } else if table == "history" {
            "record_kind = 'service_request'"
        } else {
            "aggregate_kind = 'service_request'"
        };
        sql.push_str(&format!("CREATE TABLE {name} AS SELECT * FROM {table} WHERE {kind} LIMIT 1;"));
    }
    sql.push_str(
        "CREATE TABLE bench_answer AS SELECT answer FROM idempotency WHERE length(answer) > 0 LIMIT 1; ANALYZE;",
    );
    stage.db.db.write().execute_unprepared(&sql).await?;
    let count = Statement::from_string(DbBackend::Postgres, "SELECT count(*) FROM bench_request");
    let row = stage.db.db.write().query_one_raw(count).await?.context("no count")?;
    ensure!(row.try_get_by_index::<i64>(0)? == 1, "there is no request to copy");
    Ok(())
}

async fn pgbench(url: &str) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("create.sql");
    std::fs::write(&script, STATEMENTS.replace("HOUSEHOLDS", &HOUSEHOLDS.to_string()))?;
    let mut command = Command::new(program()?);
    command.args(["-n", "-M", "prepared", "-c"]).arg(CALLERS.to_string()).args(["-j", "2", "-T"]);
    command.arg(SECONDS.to_string()).arg("-f").arg(&script).arg(url).stdin(Stdio::null());
    let output = command.output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {text}{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find_map(|line| line.strip_prefix("tps = ")).context("pgbench said no rate")?;
    Ok(line.split_whitespace().next().unwrap_or_default().parse()?)
}

fn program() -> anyhow::Result<String> {
    let known = ["/usr/bin/pgbench", "/usr/lib/postgresql/15/bin/pgbench", "/usr/lib/postgresql/17/bin/pgbench"];
    let found = known.into_iter().find(|path| Path::new(path).exists());
    Ok(found.context("pgbench is not here: it comes with PostgreSQL's contrib package")?.to_owned())
}
