//! The dispatch service's own binary.

fn main() -> std::process::ExitCode {
    common::run::<dispatch::Dispatch>()
}
