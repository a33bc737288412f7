//! Technicians to messages and back.

use common::{
    convert::timestamp,
    error::{Error, Result},
};
use proto::aftercare::dispatch::v1 as api;

use super::{attachment_message, date};
use crate::domain::technician::{Absence, Certificate, Minutes, Shift, Skill, State, Technician};

/// The message of a state.
pub(crate) fn state(state: State) -> api::TechnicianState {
    match state {
        State::Active => api::TechnicianState::Active,
        State::Suspended => api::TechnicianState::Suspended,
        State::Left => api::TechnicianState::Left,
    }
}

/// The state of a filter; `None` filters nothing.
pub(crate) fn wanted_state(wanted: i32) -> Option<State> {
    State::ALL.into_iter().find(|known| i32::from(state(*known)) == wanted)
}

pub(crate) fn skills(skills: Vec<api::Skill>) -> Vec<Skill> {
    skills.into_iter().map(|skill| Skill { code: skill.code, level: skill.level }).collect()
}

pub(crate) fn skill_messages(skills: &[Skill]) -> Vec<api::Skill> {
    skills.iter().map(|skill| api::Skill { code: skill.code.clone(), level: skill.level }).collect()
}

/// Papers of a request.
///
/// # Errors
///
/// `INVALID_FIELDS` for a day that is none.
pub(crate) fn certificates(papers: Vec<api::Certificate>) -> Result<Vec<Certificate>> {
    let read = |(index, paper): (usize, api::Certificate)| {
        let valid_until = date(&paper.valid_until, &format!("certificates[{index}].valid_until"))?;
        let valid_from = match paper.valid_from.as_str() {
            "" => None,
            day => Some(date(day, &format!("certificates[{index}].valid_from"))?),
        };
        Ok(Certificate { code: paper.code, number: paper.number, valid_until, valid_from })
    };
    papers.into_iter().enumerate().map(read).collect()
}

/// Minutes after midnight of `HH:MM`.
fn minute(text: &str, field: &str) -> Result<u32> {
    let parts =
        text.split_once(':').and_then(|(hour, minute)| Some((hour.parse::<u32>().ok()?, minute.parse::<u32>().ok()?)));
    match parts {
        Some((hour, minute)) if hour * 60 + minute <= 24 * 60 && minute < 60 => Ok(hour * 60 + minute),
        Some(_) | None => Err(Error::invalid(field, "time")),
    }
}

fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// Working time of a request.
///
/// # Errors
///
/// `INVALID_FIELDS` for a time that is none.
pub(crate) fn shifts(shifts: Vec<api::Shift>) -> Result<Vec<Shift>> {
    let read = |(index, shift): (usize, api::Shift)| {
        let field = format!("shifts[{index}]");
        let pause = |pause: api::ShiftBreak| {
            Ok(Minutes { start: minute(&pause.start, &field)?, end: minute(&pause.end, &field)? })
        };
        Ok(Shift {
            weekday: u32::try_from(shift.weekday).map_err(|_| Error::invalid(&field, "weekday"))?,
            time: Minutes { start: minute(&shift.start, &field)?, end: minute(&shift.end, &field)? },
            breaks: shift.breaks.into_iter().map(pause).collect::<Result<_>>()?,
        })
    };
    shifts.into_iter().enumerate().map(read).collect()
}

fn shift(shift: &Shift) -> api::Shift {
    let pause = |pause: &Minutes| api::ShiftBreak { start: clock(pause.start), end: clock(pause.end) };
    api::Shift {
        weekday: i32::try_from(shift.weekday).unwrap_or_default(),
        start: clock(shift.time.start),
        end: clock(shift.time.end),
        breaks: shift.breaks.iter().map(pause).collect(),
    }
}

fn absence(absence: &Absence) -> api::Absence {
    api::Absence {
        absence_id: absence.id.to_string(),
        window: Some(absence.window.message()),
        reason: absence.reason.clone(),
    }
}

/// The message of a technician.
pub(crate) fn message(technician: &Technician) -> api::Technician {
    let certificates = technician.certificates.iter().map(|paper| api::Certificate {
        code: paper.code.clone(),
        number: paper.number.clone(),
        valid_until: paper.valid_until.to_string(),
        valid_from: paper.valid_from.map(|day| day.to_string()).unwrap_or_default(),
    });
    api::Technician {
        technician_id: technician.id.to_string(),
        number: technician.number.clone(),
        etag: technician.version.to_string(),
        create_time: Some(timestamp(technician.created_at)),
        update_time: Some(timestamp(technician.updated_at)),
        org_unit_id: technician.org_unit_id.clone(),
        service_point_id: technician.service_point_id.to_string(),
        name: technician.name.clone(),
        phone: technician.phone.clone(),
        state: state(technician.state).into(),
        skills: skill_messages(&technician.skills),
        certificates: certificates.collect(),
        home: technician.home.map(Into::into),
        shifts: technician.shifts.iter().map(shift).collect(),
        absences: technician.absences.iter().map(absence).collect(),
        languages: technician.languages.clone(),
        daily_job_limit: technician.daily_job_limit,
        time_zone: technician.time_zone.clone(),
        photo: technician.photo.as_ref().map(attachment_message),
        overtime_minutes: technician.overtime_minutes,
        driving_limit_minutes: technician.driving_limit_minutes,
        territories: technician.territories.clone(),
        position_consent: technician.position_consent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_time_goes_there_and_back() {
        let message = api::Shift {
            weekday: 1,
            start: "08:30".to_owned(),
            end: "24:00".to_owned(),
            breaks: vec![api::ShiftBreak { start: "12:00".to_owned(), end: "13:00".to_owned() }],
        };
        let read = shifts(vec![message.clone()]).unwrap();
        assert_eq!(read[0].time, Minutes { start: 510, end: 1440 });
        assert_eq!(shift(&read[0]), message);
        assert!(minute("24:01", "end").is_err());
    }
}
