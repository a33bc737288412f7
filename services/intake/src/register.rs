//! Registering a request, for people, partners and other services' facts alike.

use chrono::{DateTime, Utc};
use common::{
    convert::Window,
    db::Tx,
    error::{Error, Result},
    id::Id as _,
    record::Role,
    service::Call,
};

use crate::{
    Context, coverage,
    domain::{
        CustomerId, ProductId, ServiceRequestId,
        attention::EMERGENCY,
        customer::Customer,
        duplicates::Draft,
        ladder,
        product::Product,
        request::{Asker, Links, ServiceRequest, State},
        values::{Address, Attachment, Channel, Charge, Kind, PartWanted, Urgency},
        warranty::{Exclusion, Question},
    },
    error::PRODUCT_OF_ANOTHER,
    store,
};

/// What is known when a request is made; empty texts are filled from the customer and the product.
#[derive(Clone, Debug)]
pub(crate) struct New {
    pub(crate) number: String,
    pub(crate) requested_at: DateTime<Utc>,
    pub(crate) channel: Channel,
    pub(crate) kind: Kind,
    pub(crate) urgency: Urgency,
    pub(crate) customer_id: CustomerId,
    pub(crate) contact_name: String,
    pub(crate) contact_phone: String,
    pub(crate) address: Option<Address>,
    pub(crate) product_id: Option<ProductId>,
    pub(crate) product_text: String,
    pub(crate) category_code: String,
    pub(crate) fault_code: String,
    pub(crate) cause_code: String,
    pub(crate) description: String,
    pub(crate) photos: Vec<Attachment>,
    pub(crate) windows: Vec<Window>,
    pub(crate) parts_wanted: Vec<PartWanted>,
    pub(crate) assignee_id: String,
    pub(crate) exclusion: Option<Exclusion>,
    pub(crate) org_unit_id: String,
    pub(crate) links: Links,
    /// Who pays, when that is decided already; otherwise the warranty says.
    pub(crate) charge: Option<Charge>,
}

/// Registers a request with everything that is to be said at once: warranty, repeat, duplicates, emergency.
pub(crate) async fn register(ctx: &Context, tx: &Tx, call: &Call, new: New) -> Result<ServiceRequest> {
    if new.requested_at > call.now {
        return Err(Error::invalid("requested_at", "timestamp.past"));
    }
    let customer = store::customer::load_living(tx, &new.customer_id).await?;
    let product = match &new.product_id {
        Some(id) => Some(store::product::load(tx, id).await?),
        None => None,
    };
    for named in [&new.links.parent_id, &new.links.caused_by_id].into_iter().flatten() {
        store::service_request::load(tx, named).await?;
    }
    if let Some(product) = product.as_ref().filter(|product| product.customer_id != customer.id) {
        return Err(Error::new(PRODUCT_OF_ANOTHER).with("product_id", &product.id));
    }
    let mut request = draft(ctx, call, new.clone(), &customer, product.as_ref())?;
    decide_charge(ctx, tx, &mut request, &new, product.as_ref()).await?;
    let found = store::service_request::duplicates(tx, &draft_of(&request), ctx.rules.duplicate_days, call.now).await?;
    request.links.possible_duplicates = found
        .iter()
        .filter(|(other, _)| other.stage().is_open())
        .take(10)
        .map(|(other, _)| other.id.to_string())
        .collect();
    request.log = request.first_entries();
    let saved = store::service_request::insert(ctx, tx, call, request).await?;
    if saved.urgency != Urgency::Emergency {
        return Ok(saved);
    }
    let told = saved.escalate(EMERGENCY, ladder::MANAGER, call.now)?;
    store::service_request::save(ctx, tx, call, told, EMERGENCY).await
}

fn draft(
    ctx: &Context,
    call: &Call,
    new: New,
    customer: &Customer,
    product: Option<&Product>,
) -> Result<ServiceRequest> {
    let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
    let plate = product.map(|product| &product.plate);
    let address = new
        .address
        .or_else(|| plate.and_then(|plate| plate.install_address.clone()))
        .or_else(|| customer.profile.addresses.first().cloned());
    let division = address.as_ref().map_or("", |address| address.division_code.as_str());
    let org_unit_id = match ctx.rules.org_units.find(&new.org_unit_id) {
        Some(unit) => unit.id.clone(),
        None if new.org_unit_id.is_empty() => ctx.rules.org_units.responsible(division).id.clone(),
        None => return Err(Error::invalid("org_unit_id", "known_unit")),
    };
    let emergency = ctx.rules.safety.contains_key(&new.fault_code);
    let mut links = new.links;
    // A partner is who it is; for others it is what they say.
    if call.actor.role == Role::Partner {
        links.partner_id.clone_from(&call.actor.partner_id);
    }
    if !links.external_reference.is_empty() && links.partner_id.is_empty() {
        return Err(Error::invalid("partner_id", "required_with external_reference"));
    }
    Ok(ServiceRequest {
        id: call.ids.make(call.now),
        version: 0,
        number: new.number,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id,
        requested_at: new.requested_at,
        channel: new.channel,
        kind: new.kind,
        urgency: if emergency { Urgency::Emergency } else { new.urgency },
        asker: Asker {
            customer_id: customer.id.clone(),
            tier: customer.profile.tier,
            survey_consent: customer.profile.consent.survey,
            language: customer.profile.language.clone(),
        },
        contact_name: or(new.contact_name, &customer.profile.name),
        contact_phone: or(new.contact_phone, customer.profile.primary_phone()),
        address,
        product_id: new.product_id,
        product_text: new.product_text,
        category_code: or(new.category_code, plate.map_or("", |plate| &plate.category_code)),
        fault_code: new.fault_code,
        cause_code: new.cause_code,
        description: new.description,
        photos: new.photos,
        windows: new.windows,
        parts_wanted: new.parts_wanted,
        assignee_id: new.assignee_id,
        warranty: None,
        charge: new.charge,
        on_site_quote_consent: false,
        links,
        hold: None,
        visit_number: 0,
        approvals: Vec::new(),
        quotes: Vec::new(),
        escalations: Vec::new(),
        reopen_count: 0,
        log: Vec::new(),
        next_due_at: None,
        state_reason: String::new(),
        state: State::New,
    })
}

/// The warranty says who pays, and whether this repeats a repair.
async fn decide_charge(
    ctx: &Context,
    tx: &Tx,
    request: &mut ServiceRequest,
    new: &New,
    product: Option<&Product>,
) -> Result<()> {
    if !request.kind.asks_warranty() {
        return Ok(());
    }
    let snapshot = match product {
        None if request.kind == Kind::Repair => coverage::unproven(ctx),
        None => return Ok(()),
        Some(product) => {
            let question = Question {
                on: coverage::date_of(ctx, &request.org_unit_id, request.requested_at),
                fault: request.fault_code.clone(),
                part: String::new(),
                exclusion: new.exclusion,
            };
            let answer = coverage::resolve(ctx, tx, product, &question, "").await?;
            if let Some(before) = &answer.repeats {
                request.links.repeat_visit = true;
                request.links.caused_by_id = Some(ServiceRequestId::parse(before)?);
            }
            coverage::snapshot(&answer)
        }
    };
    request.charge = request.charge.or(Some(snapshot.charge()));
    request.warranty = Some(snapshot);
    Ok(())
}

/// What duplicates are looked for with.
pub(crate) fn draft_of(request: &ServiceRequest) -> Draft {
    Draft {
        customer_id: request.asker.customer_id.to_string(),
        phone: request.contact_phone.clone(),
        address_key: request.address.as_ref().map(Address::key).unwrap_or_default(),
        product_id: request.product_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        category: request.category_code.clone(),
        fault: request.fault_code.clone(),
    }
}
