//! Whose the rows are: records by organisation unit, stock by the place it lies in. A technician sees the own van, the open
//! store of the own service point, and what belongs to the own visits; a partner sees its cases.

use common::{
    reach::{Owned, Owner, Reach, like, shared},
    whose,
};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, ExprTrait as _, QueryFilter as _, QuerySelect as _, QueryTrait as _,
};

use super::{balance, ledger::movement};

/// The catalogue is everybody's.
pub(super) fn part(_: &Reach) -> Condition {
    shared()
}

/// A technician sees the own van, and of the own unit what is nobody's van.
pub(super) fn location(reach: &Reach) -> Condition {
    use super::location::Column;
    let own = Owner::unit(Column::OrgUnitId).technician(Column::TechnicianId).within(reach);
    match reach {
        Reach::Technician { org_unit_id, .. } if !org_unit_id.is_empty() => {
            let open = Column::TechnicianId.eq("").and(Column::OrgUnitId.eq(org_unit_id.as_str()));
            Condition::any().add(own).add(open)
        }
        Reach::All
        | Reach::Units(_)
        | Reach::Technician { .. }
        | Reach::Partner(_)
        | Reach::Link(_)
        | Reach::Own(_)
        | Reach::Nothing => own,
    }
}

/// Rows that name a technician's own van.
fn van(column: impl sea_orm::ColumnTrait, technician_id: &str) -> Condition {
    use super::location::{Column, Entity};
    let vans = Entity::find().select_only().column(Column::Id).filter(Column::TechnicianId.eq(technician_id));
    Condition::all().add(column.in_subquery(vans.into_query()))
}

pub(super) fn stock_document(reach: &Reach) -> Condition {
    use super::stock_document::Column;
    let own = Owner::unit(Column::OrgUnitId).technician(Column::TechnicianId).within(reach);
    match reach {
        Reach::Technician { id, .. } if !id.is_empty() => Condition::any().add(own).add(van(Column::LocationId, id)),
        Reach::All
        | Reach::Units(_)
        | Reach::Technician { .. }
        | Reach::Partner(_)
        | Reach::Link(_)
        | Reach::Own(_)
        | Reach::Nothing => own,
    }
}

/// Both ends see a transfer.
pub(super) fn transfer(reach: &Reach) -> Condition {
    use super::transfer::Column;
    let at = |column| like::<super::location::Entity>(column, super::location::Column::Id, reach);
    match reach {
        Reach::All => Condition::all(),
        Reach::Technician { id, .. } if !id.is_empty() => {
            Condition::any().add(van(Column::FromLocationId, id)).add(van(Column::ToLocationId, id))
        }
        Reach::Units(_) => {
            let own = Owner::unit(Column::OrgUnitId).within(reach);
            Condition::any().add(own).add(at(Column::FromLocationId)).add(at(Column::ToLocationId))
        }
        Reach::Technician { .. } | Reach::Partner(_) | Reach::Link(_) | Reach::Own(_) | Reach::Nothing => {
            common::reach::nothing()
        }
    }
}

/// Of a case: by its unit, by who visits, by who sent it.
macro_rules! of_case {
    ($($table:ident $(by $visit:ident)?;)+) => {
        $(pub(super) fn $table(reach: &Reach) -> Condition {
            use super::$table::Column;
            match reach {
                Reach::Technician { .. } | Reach::Partner(_) => Condition::any()
                    .add(whose::cases(Column::ServiceRequestId, reach))
                    $(.add(whose::visits(Column::$visit, reach)))?,
                Reach::All | Reach::Units(_) | Reach::Link(_) | Reach::Own(_) | Reach::Nothing => {
                    Owner::unit(Column::OrgUnitId).within(reach)
                }
            }
        })+
    };
}

of_case! {
    reservation by WorkOrderId;
    supplementary_order by WorkOrderId;
    goods_return;
}

pub(super) fn old_part_debt(reach: &Reach) -> Condition {
    use super::old_part_debt::Column;
    Owner::unit(Column::OrgUnitId).technician(Column::TechnicianId).within(reach)
}

impl Owned for balance::Entity {
    fn within(reach: &Reach) -> Condition {
        like::<super::location::Entity>(balance::Column::LocationId, super::location::Column::Id, reach)
    }
}

impl Owned for movement::Entity {
    fn within(reach: &Reach) -> Condition {
        let at = |column| like::<super::location::Entity>(column, super::location::Column::Id, reach);
        match reach {
            Reach::All => Condition::all(),
            Reach::Units(_)
            | Reach::Technician { .. }
            | Reach::Partner(_)
            | Reach::Link(_)
            | Reach::Own(_)
            | Reach::Nothing => {
                Condition::any().add(at(movement::Column::FromLocationId)).add(at(movement::Column::ToLocationId))
            }
        }
    }
}
