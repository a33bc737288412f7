//! The public door: with nobody behind it, so that what is refused is refused there; and with the services, so that another's
//! record is like a missing one over gRPC, gRPC-Web and REST.

use std::collections::HashMap;

use axum::Router;
use common::{clock::Clock, id::Ids};
use harness::contract;
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use prost_reflect::MethodDescriptor;
use tonic::{Code, body::Body, service::Routes};
use tonic_health::server::{HealthReporter, HealthService};
use tower::ServiceExt as _;

use crate::{
    caller::Caller,
    fields::{Names, id_fields, names},
    matrix::{foreign, missing, request, shown},
    oracle::{allowed, rule},
    wire::{call, service_of},
    world::{World, inner_rpcs, rpcs},
};

/// A service that answers whoever comes with an empty message.
fn everything() -> Routes {
    let answer = || async {
        let frame = http_body_util::Full::new(bytes::Bytes::from_static(&[0; 5]));
        let mut trailers = http::HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let body = frame.with_trailers(std::future::ready(Some(Ok(trailers))));
        let mut response = Response::new(axum::body::Body::new(body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        response
    };
    Routes::from(Router::new().fallback(answer))
}

/// The door, before a service that lets everybody do everything.
async fn door(world: &World) -> Routes {
    let names = world.wire.routes.keys().map(|name| name.replace('-', "_"));
    let parts = gateway::Parts {
        settings: world.loaded.settings.clone(),
        config: world.loaded.service.clone(),
        upstreams: names.map(|name| (name, gateway::Upstream::Local(everything()))).collect::<HashMap<_, _>>(),
        reasons: all_in_one::reasons().expect("reasons"),
        core: Some(world.core.clone()),
        health: HealthService::from_health_reporter(HealthReporter::new()),
        stopping: tokio_util::sync::CancellationToken::new(),
        clock: Clock::system(),
        ids: Ids::random(),
    };
    gateway::build(parts).await.expect("a door")
}

/// What the door must say to a caller of an RPC; `None` when it lets the call through.
fn expected(rpc: &MethodDescriptor, caller: &Caller) -> Option<Code> {
    if rule(rpc).public {
        return None;
    }
    if caller.bearer.is_empty() {
        return Some(Code::Unauthenticated);
    }
    (!allowed(rpc, caller)).then_some(Code::PermissionDenied)
}

/// The role of every RPC is checked at the door: nobody behind it is asked. Strangers send the headers by which those inside
/// know each other.
pub(crate) async fn the_door_alone_refuses(world: &World) {
    let door = door(world).await;
    let router: Router = door.clone().into_axum_router();
    let (mut cells, mut open, mut problems) = (0, 0, Vec::new());
    let only = world.only.lock().expect("a name").clone();
    for rpc in rpcs().iter().filter(|rpc| rpc.parent_service().name() != "TimelineService") {
        if only_inside(rpc) || !rpc.full_name().contains(&only) {
            continue;
        }
        for caller in &world.callers {
            let wanted = expected(rpc, caller).unwrap_or(Code::Ok);
            let body = request(world, caller, rpc, None, "");
            let grpc = call(door.clone(), world.wire.headers(caller), rpc, &body).await;
            let found = grpc.as_ref().err().map_or(Code::Ok, |refused| refused.code);
            let rest = contract::rest(rpc, &body).expect("a mapping");
            let content = rest.body.map(|body| body.to_string()).unwrap_or_default();
            let mut asked = Request::new(Body::new(content));
            *asked.method_mut() = rest.method;
            *asked.uri_mut() = rest.target.parse().expect("a target");
            *asked.headers_mut() = world.wire.headers(caller);
            asked.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let status = router.clone().oneshot(asked).await.expect("an answer").status().as_u16();
            let alike = match wanted {
                Code::Unauthenticated => status == 401,
                Code::PermissionDenied => status == 403,
                _ => ![401, 403, 404].contains(&status),
            };
            cells += 2;
            open += u32::from(wanted == Code::Ok);
            if found != wanted || !alike {
                problems.push(format!("{} by {}: {wanted:?}, {found:?}, {status}", rpc.full_name(), caller.name));
            }
        }
    }
    for rpc in inner_rpcs() {
        let admin = world.caller("admin");
        let body = crate::bodies::request(&rpc, 0, &|_| "none".to_owned());
        let answer = call(door.clone(), world.wire.headers(admin), &rpc, &body).await;
        cells += 1;
        if !answer.as_ref().is_err_and(|refused| refused.code == Code::Unimplemented) {
            problems.push(format!("{} is at the public door: {}", rpc.full_name(), shown(&answer)));
        }
    }
    println!("{cells} cells at the door alone, {open} of them let through, {} problems", problems.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(!only.is_empty() || (cells > 8_000 && open > 1_000), "only {cells} cells, {open} of them open");
}

/// An RPC that only services call has no public door.
fn only_inside(rpc: &MethodDescriptor) -> bool {
    let rule = rule(rpc);
    !rule.public && rule.roles.iter().all(|role| role.as_str_name() == "ROLE_SERVICE")
}

/// The same over the public door: another's record is NOT_FOUND over gRPC, gRPC-Web and REST, like a missing one.
pub(crate) async fn every_door_answers_alike(world: &World) {
    let full = std::env::var_os("AFTERCARE_FULL").is_some();
    let (mut cells, mut problems, mut turn) = (0, Vec::new(), 0_u32);
    for rpc in rpcs().iter().filter(|rpc| !rpc.is_server_streaming()) {
        let service = service_of(rpc);
        for caller in world.callers.iter().filter(|caller| !caller.bearer.is_empty()) {
            if rule(rpc).public || !allowed(rpc, caller) {
                continue;
            }
            for field in id_fields(rpc) {
                let Some(Names::Record(kind)) = names(&service, rpc, &field) else { continue };
                let Some(record) = foreign(world, caller, kind).pop() else { continue };
                turn += 1;
                if !full && !turn.is_multiple_of(4) {
                    continue;
                }
                let body = |id: &str| request(world, caller, rpc, Some(&field), id);
                let nowhere = missing(&record.id);
                let direct = world.wire.direct(caller, rpc, &body(&record.id)).await;
                let Err(direct) = direct else {
                    problems.push(format!("{} {} by {}: OK", rpc.full_name(), field.dotted(), caller.name));
                    continue;
                };
                let mut seen = Vec::new();
                for id in [&record.id, &nowhere] {
                    cells += 3;
                    let grpc = world.wire.grpc(caller, rpc, &body(id)).await;
                    let rest = world.wire.rest(caller, rpc, &body(id)).await;
                    let web = world.wire.web(caller, rpc, &body(id)).await;
                    let code = i64::from(i32::from(direct.code));
                    let alike = grpc
                        .as_ref()
                        .is_err_and(|refused| (refused.code, &refused.reason) == (direct.code, &direct.reason))
                        && rest.as_ref().is_err_and(|(_, reason)| *reason == direct.reason)
                        && web.as_ref().is_err_and(|found| *found == code);
                    if !alike {
                        problems.push(format!(
                            "{} {} by {}: {direct:?}, gRPC {}, REST {rest:?}, gRPC-Web {web:?}",
                            rpc.full_name(),
                            field.dotted(),
                            caller.name,
                            shown(&grpc)
                        ));
                    }
                    seen.push(grpc.as_ref().err().map(|refused| refused.without(id)));
                }
                if seen[0] != seen[1] {
                    problems.push(format!("{} by {}: {seen:?}", rpc.full_name(), caller.name));
                }
            }
        }
    }
    println!("{cells} cells over three doors, {} problems", problems.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(cells > 1_000, "only {cells} cells");
}
