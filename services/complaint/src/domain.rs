//! The rules of complaints: pure, without clock, database or network. Times and ids come in as parameters.

pub(crate) mod approval;
pub(crate) mod complaint;
pub(crate) mod corrective;
pub(crate) mod deadline;
pub(crate) mod figures;
pub(crate) mod follow_up;
pub(crate) mod implementation;
pub(crate) mod judgement;
pub(crate) mod policy;
pub(crate) mod reasons;
pub(crate) mod receive;
pub(crate) mod regulator;
pub(crate) mod values;

#[cfg(test)]
mod machine_tests;
#[cfg(test)]
pub(crate) mod testing;

common::typed_id! {
    /// A complaint.
    ComplaintId = "cp";
    /// A corrective action.
    CorrectiveActionId = "ca";
    /// A regulator's case.
    RegulatorCaseId = "rc";
}
