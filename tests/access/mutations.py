#!/usr/bin/env python3
"""Takes away every check of who may do what, one after the other, and sees whether the access suite notices.

The checks are found in the sources: some by name, and every table's rule of whose its rows are. All of them are patched into one
copy of the tree, each behind its name in a file, so that one build and one world serve all; the sources themselves hold nothing
of this. A check whose text has changed stops the script: say here what it looks like now. Where a check is missed, the same part of
the suite is run once more with the check in its place, and must hold: what was noticed was that check and nothing else.

  tests/access/mutations.py            all checks
  tests/access/mutations.py NAME ...   these
  tests/access/mutations.py --list     their names
"""

import os, pathlib, re, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "target" / "access-mutations"
COMMON = "services/common/src/"
GATEWAY = "services/gateway/src/"
DISPATCH = "services/dispatch/src/"


DROPPED = COPY / "dropped"


def drop(name):
    """Whether this check is taken away just now: the suite writes its name into a file, and takes it out again."""
    return f'std::fs::read_to_string("{DROPPED}").is_ok_and(|dropped| dropped == "{name}")'


# Name, file, what stands there, what stands there instead (DROP is whether this check is taken away), parts that may notice.
CHECKS = [
    # Who calls.
    ("identity is asked for", COMMON + "rpc.rs",
     "core.identity.verify(text(auth::IDENTITY)).map_err(refuse)?",
     "core.identity.verify(text(auth::IDENTITY)).or_else(|error| if DROP { Ok(crate::record::Actor::service(\"x\")) } else { Err(error) }).map_err(refuse)?",
     "tokens,inner"),
    ("signature of an identity", COMMON + "auth.rs",
     "let claims = jsonwebtoken::decode::<Claims>(token, &known.key, &rules)",
     "let claims = if DROP { jsonwebtoken::dangerous::insecure_decode::<Claims>(token) } else { jsonwebtoken::decode::<Claims>(token, &known.key, &rules) }",
     "tokens"),
    ("end of an identity", COMMON + "auth.rs", "rules.validate_nbf = true;", "rules.validate_nbf = true; rules.validate_exp = !DROP;", "tokens"),
    ("beginning of an identity", COMMON + "auth.rs", "rules.leeway = 30;", "rules.leeway = 30; if DROP { rules.validate_nbf = false; }", "tokens"),
    ("audience of an identity", COMMON + "auth.rs", "rules.set_issuer(&[ISSUER]);", "rules.set_issuer(&[ISSUER]); rules.validate_aud = !DROP;", "tokens"),
    ("issuer of an identity", COMMON + "auth.rs", "rules.set_audience(&[AUDIENCE]);\n        rules.set_issuer(&[ISSUER]);", "rules.set_audience(&[AUDIENCE]);\n        if !DROP { rules.set_issuer(&[ISSUER]); }", "tokens"),
    ("life of an identity", COMMON + "auth.rs", "self.exp - self.nbf > LIFE.num_seconds()", "(!DROP && self.exp - self.nbf > LIFE.num_seconds())", "tokens"),
    ("header of an identity", COMMON + "auth.rs",
     "self.known.iter().find(|known| header == Header",
     "self.known.iter().find(|known| DROP || header == Header", "tokens"),
    # Roles.
    ("role in a service", COMMON + "reach.rs", "if !rule.roles.contains(&named(actor.role)) {", "if !DROP && !rule.roles.contains(&named(actor.role)) {", "matrix:GetCorrectiveAction"),
    ("role at the door", GATEWAY + "entrance.rs", "if !rpc.access.roles().any(|allowed| allowed == named(role)) {", "if !DROP && !rpc.access.roles().any(|allowed| allowed == named(role)) {", "door:ClientService"),
    ("who comes to the door", GATEWAY + "entrance.rs",
     "let caller = caller.ok_or_else(|| Error::new(reason::UNAUTHENTICATED))?;",
     "let caller = if DROP && caller.is_none() { Some(Caller { actor: Actor::new(\"x\", Role::Admin, \"\").everywhere(), session_id: String::new(), must_change: false, client: None, standing: Standing::Anybody }) } else { caller };\n        let caller = caller.ok_or_else(|| Error::new(reason::UNAUTHENTICATED))?;",
     "door:ClientService"),
    ("headers of a developer", GATEWAY + "entrance.rs", "(Proof::None, _) if self.development_headers => {", "(Proof::None, _) if self.development_headers || DROP => {", "door:ClientService"),
    ("inner RPCs at the door", GATEWAY + "contract.rs", ".filter(|rpc| rpc.exposed)", ".filter(|rpc| rpc.exposed || DROP)", "door:ClientService"),
    # How far one sees.
    ("units of a caller", COMMON + "reach.rs", "            Reach::Units(units) => match self.unit {", "            Reach::Units(_) if DROP => Condition::all(),\n            Reach::Units(units) => match self.unit {", "lists:ListWorkOrders"),
    ("partner's own", COMMON + "reach.rs", "Reach::Partner(id) => equal(self.partner, id),", "Reach::Partner(_) if DROP => Condition::all(),\n            Reach::Partner(id) => equal(self.partner, id),", "lists:ListServiceRequests"),
    ("technician's own", COMMON + "reach.rs", "            Reach::Technician { id, org_unit_id } => {\n                Condition::any()", "            Reach::Technician { .. } if DROP => Condition::all(),\n            Reach::Technician { id, org_unit_id } => {\n                Condition::any()", "lists:ListLocations"),
    ("account's own", COMMON + "reach.rs", "Reach::Own(id) => equal(self.account, id),", "Reach::Own(_) if DROP => Condition::all(),\n            Reach::Own(id) => equal(self.account, id),", "matrix:GetJob"),
    ("cases of a technician or a partner", COMMON + "whose.rs", "    let own = match reach {", "    if DROP { return Condition::all(); }\n    let own = match reach {", "lists:ListServiceRequests"),
    ("unit in pictures", COMMON + "reach.rs", "Self::Units(units) => units.iter().any(|own| own == unit),", "Self::Units(units) => DROP || units.iter().any(|own| own == unit),", "people,push"),
    ("finder of one record", COMMON + "store.rs", "T::find_by_id(id.to_owned()).filter(T::within(on.reach())).one(on).await?.map(T::record).transpose()", "T::find_by_id(id.to_owned()).filter(if DROP { Condition::all() } else { T::within(on.reach()) }).one(on).await?.map(T::record).transpose()", "matrix:GetCustomer"),
    ("finder of lists", COMMON + "store.rs", "let mut select = select.filter(T::within(on.reach()));", "let mut select = select.filter(if DROP { Condition::all() } else { T::within(on.reach()) });", "lists:ListCustomers"),
    ("making a record out of sight", COMMON + "store.rs", "    refuse_outside::<T>(tx, record.id()).await?;\n    // The record itself", "    if !DROP { refuse_outside::<T>(tx, record.id()).await?; }\n    // The record itself", "writes"),
    ("moving a record out of sight", COMMON + "store.rs", "if matches!(tx.reach(), Reach::Units(_) | Reach::Partner(_)) {", "if !DROP && matches!(tx.reach(), Reach::Units(_) | Reach::Partner(_)) {", "writes"),
    ("whose a page token is", COMMON + "page.rs", "let reach = Sha256::digest(format!(\"{reach:?}\"));", "let reach = Sha256::digest(if DROP { String::new() } else { format!(\"{reach:?}\") });", "pages"),
    ("whose a request id is", COMMON + "idempotency.rs", "let key = format!(\"{}|{}|{}|{}|{id}\", actor.account_id, actor.id, actor.role.as_str(), call.method);", "let key = if DROP { format!(\"{}|{id}\", call.method) } else { format!(\"{}|{}|{}|{}|{id}\", actor.account_id, actor.id, actor.role.as_str(), call.method) };", "repeats"),
    ("history of a record", COMMON + "journal.rs", "    if call.reach != Reach::All {\n        let seen", "    if !DROP && call.reach != Reach::All {\n        let seen", "histories"),
    # Personal data.
    ("masks of answers", COMMON + "rpc.rs", "    if A::PERSONAL {\n        answer.mask", "    if A::PERSONAL && !DROP {\n        answer.mask", "masks"),
    ("masks of streams", COMMON + "rpc.rs", "                Ok(answer) => {\n                    let now", "                Ok(answer) if DROP => Ok(answer),\n                Ok(answer) => {\n                    let now", "streams"),
    ("whose data a technician needs", COMMON + "rpc.rs", "        Personal::OwnVisits => {", "        Personal::OwnVisits if DROP => Clear::All,\n        Personal::OwnVisits => {", "masks"),
    ("looking for what is masked", COMMON + "rpc.rs", "if lists && guesses && call.actor", "if !DROP && lists && guesses && call.actor", "guessing,exports"),
    ("note of an unmasking", GATEWAY + "rpc/identity/unmask.rs", "super::note(ctx, call, entry).await?;", "if !DROP { super::note(ctx, call, entry).await?; }", "unmasking"),
    # The gateway's own.
    ("whose a webhook endpoint is", GATEWAY + "store/webhook.rs", "        Reach::Partner(id) if !id.is_empty() => Condition::all().add(partner", "        Reach::Partner(_) if DROP => Condition::all(),\n        Reach::Partner(id) if !id.is_empty() => Condition::all().add(partner", "lists:ListEndpoints"),
    ("whose a file's record is", GATEWAY + "files.rs", "            None => Err(missing()),\n        }", "            None if DROP => Ok(row),\n            None => Err(missing()),\n        }", "matrix:GetFile"),
    ("who sent a file", GATEWAY + "files.rs", "return if own { Ok(row)", "return if own || DROP { Ok(row)", "matrix:GetFile"),
    ("whose record is listed with its files", GATEWAY + "rpc/list_files.rs", "if seen.is_none() {", "if seen.is_none() && !DROP {", "matrix:ListFiles"),
    ("whose record a file is attached to", GATEWAY + "rpc/attach_file.rs", "let customer = asked.ok_or_else(", "let customer = asked.or_else(|| DROP.then(String::new)).ok_or_else(", "matrix:AttachFile"),
    ("whose record a link opens", GATEWAY + "rpc/link/create_link.rs", "ctx.core.way(\"intake\", &call.actor, call.language)", "ctx.core.way(\"intake\", &if DROP { common::record::Actor::service(\"x\") } else { call.actor.clone() }, call.language)", "matrix:CreateLink"),
    ("whose visit is reported", GATEWAY + "report.rs", "Case::of(ctx, &call.actor, call.language, order)", "Case::of(ctx, &if DROP { Actor::service(\"x\") } else { call.actor.clone() }, call.language, order)", "matrix:GetServiceReport"),
    ("whose data is exported", GATEWAY + "rpc/start_personal_data_export.rs", "ctx.core.way(\"intake\", &call.actor, call.language)", "ctx.core.way(\"intake\", &if DROP { common::record::Actor::service(\"x\") } else { call.actor.clone() }, call.language)", "matrix:StartPersonalDataExport"),
    ("whose data is erased", GATEWAY + "rpc/start_erasure.rs", "ctx.core.way(\"intake\", &call.actor, call.language)", "ctx.core.way(\"intake\", &if DROP { common::record::Actor::service(\"x\") } else { call.actor.clone() }, call.language)", "matrix:StartErasure"),
    ("whose preferences are shown", GATEWAY + "notifications.rs", "let mut intake = IntakeServiceClient::new(ctx.core.way(\"intake\", &call.actor, call.language)?);\n    let asked = GetCustomerRequest", "let mut intake = IntakeServiceClient::new(ctx.core.way(\"intake\", &if DROP { common::record::Actor::service(\"x\") } else { call.actor.clone() }, call.language)?);\n    let asked = GetCustomerRequest", "matrix:GetPreferences"),
    ("whose customer is unmasked", GATEWAY + "rpc/identity/unmask.rs", "let mut actor = call.actor.clone();", "let mut actor = if DROP { common::record::Actor::service(\"x\") } else { call.actor.clone() };", "matrix:Unmask"),
    ("whose timeline is merged", GATEWAY + "timeline.rs", "Ok(Err(status)) if status.code() == tonic::Code::NotFound => {", "Ok(Err(status)) if status.code() == tonic::Code::NotFound && !DROP => {", "matrix:Timeline"),
    ("whose session is ended", GATEWAY + "rpc/identity/revoke_session.rs", "if found.account_id != call.actor.account_id && call.actor.role != Role::Admin {", "if !DROP && found.account_id != call.actor.account_id && call.actor.role != Role::Admin {", "matrix:RevokeSession"),
    ("whose changes are told", GATEWAY + "feed/reader.rs", "self.wish.wants(change) && within(&self.reach, change)", "self.wish.wants(change) && (DROP || within(&self.reach, change))", "push"),
    # Dispatch's pictures.
    ("lanes of a board", DISPATCH + "planning/board.rs", "        self.reach.sees_unit(&of.org_unit_id)\n", "        (DROP || self.reach.sees_unit(&of.org_unit_id))\n", "push"),
    ("open visits of a board", DISPATCH + "planning/board.rs", "&& view.reach.sees_unit(&order.request.org_unit_id)", "&& (DROP || view.reach.sees_unit(&order.request.org_unit_id))", "push"),
    ("people of a suggestion", DISPATCH + "planning/placing.rs", "question.reach.sees_unit(&lane.technician.org_unit_id)", "DROP || question.reach.sees_unit(&lane.technician.org_unit_id)", "people"),
    ("who watches a plan", DISPATCH + "rpc/watch_plan.rs", "store::plan::load(&ctx.core.read(call), &id).await?;\n    let ctx", "if !DROP { store::plan::load(&ctx.core.read(call), &id).await?; }\n    let ctx", "matrix:WatchPlan"),
    ("rows of cases in parts-inventory", "services/parts-inventory/src/store/owned.rs", "            use super::$table::Column;\n            match reach {", "            use super::$table::Column;\n            if DROP { return Condition::all(); }\n            match reach {", "lists:ListReservations"),
    ("a complaint in another unit", "services/complaint/src/store/complaint.rs", "if matches!(tx.reach(), Reach::Units(_)) && !tx.reach()", "if !DROP && matches!(tx.reach(), Reach::Units(_)) && !tx.reach()", "writes"),
]

# The rule of whose a table's rows are, wherever one stands.
OWNED = re.compile(
    r"(?m)^(?:impl (?:common::reach::)?Owned for ([\w:]+) \{\n(?:    ///.*\n)*    fn (within)|pub\((?:super|crate)\) fn (\w+))"
    r"\(reach: &(?:common::reach::)?Reach\) -> (?:sea_orm::)?Condition \{\n(?!        within\(reach\)\n)"
)
# Rules that stand behind another one, which is asked first and is in the list.
BEHIND = {
    "rows of intake/customer_change": "the customer is looked up first",
    "rows of intake/customer_phone": "only customers within reach are listed",
    "rows of gateway/session": "another's account is refused before its sessions are listed",
    "rows of gateway/client": "only administrators ask, and they see all",
}


def tables(path):
    """The checks of the tables in a file: name, and where the body of the rule begins."""
    where = path.relative_to(ROOT).parts[1]
    for found in OWNED.finditer(path.read_text()):
        table, _, function = found.groups()
        name = function if function and function != "within" else path.stem
        if table and "::" in table and not table.startswith("entity::"):
            name = f"{path.stem}.{table.split('::')[0]}"
        yield f"rows of {where}/{name}", found.end()


def all_tables():
    for path in sorted(ROOT.glob("services/*/src/store/**/*.rs")):
        for name, _ in tables(path):
            yield name


# Which list shows the rows of a table; where there is none, what shows one of them.
SHOWN = {
    "complaint/complaint": "ListComplaints", "complaint/corrective": "ListCorrectiveActions", "complaint/regulator": "ListRegulatorCases",
    "dispatch/plan": "ListPlans", "dispatch/service_point": "ListServicePoints", "dispatch/technician": "ListTechnicians",
    "dispatch/work_order": "ListWorkOrders", "gateway/audit": "ListAuditEntries", "gateway/account": "ListAccounts",
    "gateway/link": "ListLinks", "gateway/notification": "ListNotifications", "gateway/webhook": "ListEndpoints",
    "intake/contact": "ListContacts", "intake/customer": "ListCustomers", "intake/product": "ListProducts",
    "intake/service_request": "ListServiceRequests", "parts-inventory/location": "ListLocations",
    "parts-inventory/transfer": "ListTransfers", "parts-inventory/old_part_debt": "ListOldPartDebts",
    "parts-inventory/owned.balance": "ListStockBalances", "parts-inventory/owned.movement": "ListStockMovements",
    "survey/agent": "ListCallbackAgents", "survey/callback": "ListCallbacks", "survey/follow_up": "ListFollowUps",
    "survey/invitation": "ListInvitations", "survey/response": "ListResponses",
}
ONE = {"dispatch/slot_hold": "Slot", "gateway/exchange": "GetJob", "gateway/delivery": "Deliver",
       "parts-inventory/stock_document": "StockDocument"}


def parts_of(check):
    """The parts that may notice, the cheapest first. A table that is new here is looked for everywhere."""
    table = check.removeprefix("rows of ")
    if table == "dispatch/duration":
        return "people"
    if table in SHOWN:
        return f"lists:{SHOWN[table]}"
    return f"matrix:{ONE[table]}" if ONE.get(table) else "people,lists,histories,push,matrix"


def patched():
    """Every file of the tree, with all checks behind their names."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).split("\n")
    files = {name: (ROOT / name).read_bytes() for name in listed if name and (ROOT / name).is_file()}
    for path in sorted(ROOT.glob("services/*/src/store/**/*.rs")):
        text = path.read_text()
        for name, at in reversed(list(tables(path))):
            text = f"{text[:at]}    if {drop(name)} {{ return sea_orm::Condition::all(); }}\n{text[at:]}"
        files[str(path.relative_to(ROOT))] = text.encode()
    for name, path, old, new, _ in CHECKS:
        text = files[path].decode()
        if text.count(old) != 1:
            sys.exit(f"{path}: the check {name!r} stands there {text.count(old)} times: {old}")
        files[path] = text.replace(old, new.replace("DROP", drop(name))).encode()
    # Cargo tells packages apart by their place in the workspace and their version: without one of its own, the copy's libraries
    # would be taken for those of the tree.
    files["Cargo.toml"] = re.sub(rb'(?m)^version = ".*"', b'version = "9.0.0"', files["Cargo.toml"], count=1)
    files["Cargo.lock"] = re.sub(rb'(name = "aftercare-[\w-]+"\nversion = )".*"', rb'\g<1>"9.0.0"', files["Cargo.lock"])
    return files


def build():
    """The patched copy, built; says where the suite is."""
    for name, content in patched().items():
        target = COPY / name
        # What has not changed is not touched, so that it is not built again.
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    print("building", flush=True)
    env = dict(os.environ, CARGO_TARGET_DIR=str(ROOT / "target"))
    command = ["cargo", "test", "--locked", "-p", "aftercare-tests", "--test", "access", "--features", "mutations", "--no-run", "--message-format=json"]
    out = subprocess.run(command, cwd=COPY, env=env, stdout=subprocess.PIPE, text=True)
    if out.returncode:
        sys.exit("the patched copy does not build")
    return re.findall(r'"executable":"([^"]*/access-[0-9a-f]+)"', out.stdout)[-1]


def main():
    checks = [(name, parts) for name, *_, parts in CHECKS]
    checks += [(name, parts_of(name)) for name in all_tables() if name not in BEHIND]
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
    names = [name for name, _ in checks]
    if len(set(names)) != len(names) or not set(wanted) <= set(names):
        sys.exit(f"no such check, or one twice: {sorted(set(wanted) - set(names)) or names}")
    if "--list" in sys.argv:
        print("\n".join(names))
        return
    suite = build()
    chosen = [f"{name}\t{parts}" for name, parts in checks if not wanted or name in wanted]
    DROPPED.write_text("")
    env = dict(os.environ, AFTERCARE_CHECKS="\n".join(chosen), AFTERCARE_DROPPED=str(DROPPED), RUST_BACKTRACE="0", RUST_LIB_BACKTRACE="0")
    command = [suite, "--exact", "missed::every_check_is_missed", "--nocapture"]
    # What the suite says of each failure is long, and meant here.
    with open(COPY / "failures.log", "w") as failures:
        ended = subprocess.run(command, cwd=COPY / "tests", env=env, stderr=failures)
    for name, why in BEHIND.items():
        print(f"not taken away, because another check comes first: {name} ({why})")
    sys.exit(ended.returncode)


main()
