//! Journeys: whole cases from the first call to the archive, through the public door. Every journey runs over REST and
//! over gRPC, in one process and in six, with every call repeated and with every call cut off.

#![expect(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cancellation;
mod charged;
mod consultation;
mod exchange;
mod first_account;
mod in_warranty;
mod kills;
mod metrics;
mod part_missing;
mod push;
mod refused_offer;
mod repeat_visit;
mod rolling;
mod smoke;
mod take_away;
mod unhappy;

/// The six ways a journey is travelled.
macro_rules! journey {
    ($name:ident) => {
        journey!($name, &[]);
    };
    ($name:ident, $terms:expr) => {
        mod $name {
            use harness::{Faults, Platform, Shape, Surface, world::World};

            async fn travel(shape: Shape, surface: Surface, faults: Faults) {
                let platform = Platform::start_with(shape, surface, faults, $terms).await;
                let world = World::make(&platform).await;
                crate::$name::travel(&platform, &world).await;
                platform.stop().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn one_process_over_rest() {
                travel(Shape::OneProcess, Surface::Rest, Faults::None).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn one_process_over_grpc() {
                travel(Shape::OneProcess, Surface::Grpc, Faults::None).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn one_process_every_call_repeated() {
                travel(Shape::OneProcess, Surface::Rest, Faults::Repeated).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn one_process_every_call_cut_off() {
                travel(Shape::OneProcess, Surface::Grpc, Faults::CutOff).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn six_processes_over_rest() {
                travel(Shape::SixProcesses, Surface::Rest, Faults::None).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn six_processes_over_grpc() {
                travel(Shape::SixProcesses, Surface::Grpc, Faults::None).await;
            }
        }
    };
}

/// Every journey, each in a module of its own name.
mod journeys {
    journey!(cancellation);
    journey!(charged);
    journey!(consultation);
    journey!(exchange);
    journey!(in_warranty);
    journey!(part_missing);
    // Long enough to answer in time under every fault, short enough to wait for.
    journey!(refused_offer, &[("dispatch", "offer = { timeout = \"3s\" }\nescalation = { interval = \"1s\" }")]);
    journey!(repeat_visit);
    journey!(take_away);
    journey!(unhappy);
}
