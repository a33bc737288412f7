//! The parts-inventory service.
