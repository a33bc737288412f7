//! The binary of the gateway.

fn main() -> std::process::ExitCode {
    gateway::run::run()
}
