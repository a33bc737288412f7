//! Jobs in the kernel's numbers: what each wants, and who may not have it.

use super::*;

impl Builder<'_> {
    pub(super) fn job(&mut self, order: &WorkOrder, seats: &[u32], pickup: Option<u32>) -> kernel::Job {
        let place = self.place(order.request.position);
        let mut job = kernel::Job::new(place, order.duration_minutes * 60);
        let horizon = Window { start: self.zero, end: self.end };
        let window = |window: &Window| kernel::Window {
            from: self.second(window.start),
            until: self.second(window.end).saturating_sub(1),
        };
        let named: Vec<&Window> =
            order.request.windows.iter().filter(|w| w.end > self.now && w.overlaps(&horizon)).collect();
        job.windows = match &order.promised {
            Some(promised) => vec![window(promised)],
            None => named.into_iter().map(&window).collect(),
        };
        job.windows.sort();
        job.release = Some(self.second(self.now.max(self.zero)));
        job.due = order.request.resolution_due_at.map(|due| self.second(due));
        let urgency = match order.request.urgency.as_str() {
            "emergency" => 3,
            "urgent" => 2,
            _ => 1,
        };
        job.priority = (urgency + u8::from(order.attention > 0)).min(3);
        job.crew = u8::try_from(order.crew_size.clamp(1, 3)).unwrap_or(1);
        job.pickup =
            pickup.map(|place| Pickup { place, seconds: COLLECTING, windows: Vec::new(), on_van_of: Vec::new() });
        let number = |id: &String| self.numbers.get(id).map(|(number, _)| *number);
        job.preferred = order.preferred.iter().filter_map(number).collect();
        let code = |rule: Rule| {
            u16::try_from(Rule::ALL.iter().position(|known| *known == rule).unwrap_or_default()).unwrap_or_default()
        };
        let mut forbidden: Vec<(u32, u16)> =
            order.excluded.iter().filter_map(number).map(|who| (who, code(Rule::Excluded))).collect();
        forbidden.extend(order.refused_by().iter().filter_map(number).map(|who| (who, code(Rule::RefusedBefore))));
        if let Some(at) = order.state.assignment() {
            let start = self.second(at.planned.start);
            let stays = !order.movable() || !at.overridden.is_empty() || seats.len() != usize::from(job.crew);
            if !seats.is_empty() && stays {
                job.crew = u8::try_from(seats.len()).unwrap_or(1);
                job.lock = Lock::Pinned { shifts: seats.to_vec(), start };
                // Work that overran takes longer than planned.
                if self.now > at.planned.end && !matches!(order.state, State::Assigned(_) | State::Accepted(_)) {
                    let length = (self.now + OVERRUN - at.planned.start).num_seconds();
                    job.seconds = i32::try_from(length).unwrap_or(job.seconds);
                }
            }
            if !seats.is_empty() {
                let promised = order.promised.unwrap_or(at.window);
                job.present = Some(Present {
                    shifts: seats.to_vec(),
                    start,
                    promised: Some(window(&promised)),
                    confirmed: order.promised.is_some(),
                    consent: false,
                });
            }
        }
        for skill in order.required_skills.clone() {
            let level = u8::try_from(skill.level.clamp(1, 5)).unwrap_or(1);
            job.needs.push(kernel::Need { skill: self.skill(format!("s:{}", skill.code)), level, certificate: false });
        }
        for code in order.required_certificates.clone() {
            job.needs.push(kernel::Need { skill: self.skill(format!("c:{code}")), level: 1, certificate: true });
        }
        forbidden.extend(self.barred(order));
        job.forbidden = forbidden;
        if !order.request.division_code.is_empty() {
            let next = u16::try_from(self.divisions.len()).unwrap_or(u16::MAX);
            job.territory = Some(*self.divisions.entry(order.request.division_code.clone()).or_insert(next));
        }
        job
    }

    /// Technicians whom contract, category or language keep from a job.
    pub(super) fn barred(&mut self, order: &WorkOrder) -> Vec<(u32, u16)> {
        let request = &order.request;
        let key = (request.division_code.clone(), request.category_code.clone(), request.language.clone());
        if let Some(known) = self.barred.get(&key) {
            return known.clone();
        }
        let code = |rule: Rule| {
            u16::try_from(Rule::ALL.iter().position(|known| *known == rule).unwrap_or_default()).unwrap_or_default()
        };
        let mut barred = Vec::new();
        for (number, id) in self.technicians.iter().enumerate() {
            let Some(lane) = self.picture.lanes.get(id) else { continue };
            let point = self.picture.points.get(lane.technician.service_point_id.as_str());
            let Some(contract) = point.and_then(|point| point.contract.as_ref()) else { continue };
            let rule = if !key.0.is_empty() && !contract.serves_division(&key.0) {
                Some(Rule::Territory)
            } else if !key.1.is_empty() && !contract.serves_category(&key.1) {
                Some(Rule::CategoryNotServed)
            } else if !crate::domain::eligibility::speaks(&lane.technician, &key.2) {
                Some(Rule::Language)
            } else {
                None
            };
            if let (Some(rule), Ok(number)) = (rule, u32::try_from(number)) {
                barred.push((number, code(rule)));
            }
        }
        self.barred.insert(key, barred.clone());
        barred
    }

    /// Which divisions are whose own, once all divisions are known.
    pub(super) fn territories(&mut self) {
        for (number, id) in self.technicians.iter().enumerate() {
            let Some(lane) = self.picture.lanes.get(id) else { continue };
            if lane.technician.territories.is_empty() {
                continue;
            }
            let mut own: Vec<u16> = self
                .divisions
                .iter()
                .filter(|(division, _)| lane.technician.at_home_in(division))
                .map(|(_, index)| *index)
                .collect();
            own.sort_unstable();
            // An empty list would mean everywhere; nobody's division means nowhere.
            if own.is_empty() {
                own.push(u16::MAX);
            }
            self.problem.technicians[number].territories = own;
        }
    }
}
