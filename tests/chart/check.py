"""The chart's checks: every value set renders and is valid, pods keep the restricted profile and more, network policies are
the declared call graph and nothing else, nothing secret stands in values, queries name metrics that exist, generated files
are current. Each check names what is wrong; the process fails when there is anything."""

import json
import pathlib
import re
import subprocess
import sys

import promql_parser
import yaml

import dashboards
import generated

HERE = pathlib.Path(__file__).resolve().parent
CHART = HERE.parents[1] / "charts/aftercare"
GOLDEN = HERE / "golden"
KUBERNETES = "1.33"

# What is tried: a name, and what stands on helm's command line.
SETS = {
    "small": ["-f", CHART / "values-small.yaml", "--set", "files.claim=aftercare-files"],
    "medium": ["-f", CHART / "values-medium.yaml", "--set", "files.bucket=aftercare-files"],
    "large": ["-f", CHART / "values-large.yaml", "--set", "files.bucket=aftercare-files"],
    "everything": ["-f", HERE / "everything.yaml"],
    "trial": ["--set", "trial.enabled=true"],
}
# The random passwords of a trial are no golden text, and dashboards are checked by themselves.
NOT_GOLDEN = {"medium", "trial"}

faults = []


def fault(text):
    faults.append(text)


def helm(*arguments):
    done = subprocess.run(["helm", *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def render(name):
    code, out, err = helm("template", "demo", CHART, "--namespace", "aftercare", "--kube-version", KUBERNETES, *SETS[name])
    if code:
        fault(f"{name}: helm template: {err}")
        return "", []
    return out, [thing for thing in yaml.safe_load_all(out) if thing]


def lint():
    for name, arguments in SETS.items():
        code, out, err = helm("lint", "--strict", CHART, *arguments)
        if code:
            fault(f"{name}: helm lint: {out}{err}")


def validate(name, text):
    path = HERE.parents[1] / f"target/chart-{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / "kubernetes-validate", "-k", KUBERNETES, "--strict", path], capture_output=True, text=True)
    lines = (done.stdout + done.stderr).splitlines()
    if done.returncode:
        fault(f"{name}: kubernetes-validate: " + "\n".join(line for line in lines if not line.startswith("INFO")))
    return sum(line.startswith("INFO") for line in lines)


def pods(things):
    """(name of the owner, its kind, the pod template) of everything that makes pods."""
    for thing in things:
        if thing["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield thing["metadata"]["name"], thing["kind"], thing["spec"]["template"]
        elif thing["kind"] == "Pod":
            yield thing["metadata"]["name"], "Pod", thing


def safe_pods(name, things):
    count = 0
    for owner, kind, pod in pods(things):
        spec, at = pod["spec"], f"{name}: {kind} {owner}"
        count += 1

        def must(right, what, at=at):
            if not right:
                fault(f"{at}: {what}")

        security = spec.get("securityContext", {})
        must(security.get("runAsNonRoot") is True and security.get("runAsUser", 0) > 0, "may run as root")
        must(security.get("seccompProfile", {}).get("type") == "RuntimeDefault", "no seccomp profile")
        must(spec.get("automountServiceAccountToken") is False, "gets a token of the cluster")
        for word in ("hostNetwork", "hostPID", "hostIPC"):
            must(not spec.get(word), f"asks for {word}")
        for volume in spec.get("volumes", []):
            must(set(volume) - {"name"} <= {"emptyDir", "configMap", "secret", "persistentVolumeClaim"}, f"volume {volume}")
        for container in spec["containers"] + spec.get("initContainers", []):
            own = container.get("securityContext", {})
            must(own.get("allowPrivilegeEscalation") is False, "may gain privileges")
            must(own.get("capabilities", {}).get("drop") == ["ALL"] and not own["capabilities"].get("add"), "keeps capabilities")
            must(own.get("readOnlyRootFilesystem") is True, "may write its image")
            must(not own.get("privileged"), "is privileged")
            must(container.get("resources", {}).get("limits", {}).get("memory"), "has no memory limit")
            must(container.get("resources", {}).get("requests", {}).get("cpu"), "requests no CPU")
            must(":latest" not in container["image"] and ":" in container["image"], "its image has no version")
        if kind != "Deployment":
            continue
        container = spec["containers"][0]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            must("grpc" in container.get(probe, {}), f"{probe} is not gRPC's")
        must(container["livenessProbe"]["grpc"]["service"] == "liveness", "liveness asks dependencies")
        must(container["readinessProbe"]["grpc"]["service"] == "readiness", "readiness does not ask its own name")
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        must(pause >= 5, "no pause before it stops")
        must(spec.get("terminationGracePeriodSeconds", 0) >= pause + 12 + 11 + 5, "is killed before it has drained")
        must({one["topologyKey"] for one in spec.get("topologySpreadConstraints", [])}
             == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}, "is not spread over nodes and zones")
        labels = pod["metadata"]["labels"]
        budgets = [thing for thing in things if thing["kind"] == "PodDisruptionBudget"
                   and matches(thing["spec"]["selector"], labels)]
        must(len(budgets) == 1, f"has {len(budgets)} disruption budgets")
    return count


def matches(selector, labels):
    return all(labels.get(key) == value for key, value in (selector or {}).get("matchLabels", {}).items())


def nothing_secret(name, things):
    for owner, kind, pod in pods(things):
        for container in pod["spec"]["containers"]:
            for variable in container.get("env", []):
                if re.search(r"KEY|SECRET|PASSWORD|URL$", variable["name"]) and variable.get("value"):
                    fault(f"{name}: {kind} {owner}: {variable['name']} stands in clear")
    if not any(thing["kind"] == "Deployment" for thing in things):
        fault(f"{name}: renders no Deployment")
    tests = [owner for owner, kind, _ in pods(things) if kind == "Pod"]
    if tests != (["demo-smoke"] if name == "everything" else []):
        fault(f"{name}: pods of `helm test`: {tests}")
    secrets = [thing["metadata"]["name"] for thing in things if thing["kind"] == "Secret"]
    if secrets and name != "trial":
        fault(f"{name}: makes Secrets: {secrets}")


def network(name, things):
    """Evaluates the rendered policies pod by pod, as a network plugin would, and compares them with callgraph.yaml."""
    graph = yaml.safe_load((CHART / "callgraph.yaml").read_text())
    policies = [thing["spec"] for thing in things if thing["kind"] == "NetworkPolicy"]
    servers = {pod["metadata"]["labels"]["app.kubernetes.io/name"]: pod["metadata"]["labels"]
               for _, kind, pod in pods(things) if kind == "Deployment"}
    migrations = {pod["metadata"]["labels"]["app.kubernetes.io/name"]: pod["metadata"]["labels"]
                  for _, kind, pod in pods(things) if kind == "Job"}
    visitors = {owner: pod["metadata"]["labels"] for owner, kind, pod in pods(things) if kind == "Pod"}
    if set(servers) != set(graph) or set(migrations) != set(graph):
        fault(f"{name}: callgraph.yaml and the services differ: {set(graph) ^ set(servers)}")
        return 0
    # What `helm test` runs comes in by the gateway as everybody does, and needs nothing else.
    graph.update({owner: {"calls": ["gateway"], "needs": []} for owner in visitors})

    def rules(labels, direction):
        of = [policy for policy in policies if matches(policy["podSelector"], labels)]
        denied = [policy for policy in of if direction in policy["policyTypes"]]
        return denied, [rule for policy in denied for rule in policy.get(direction.lower()) or []]

    def to_pods(rule, side, labels, port):
        peers = rule.get(side)
        ports = [entry["port"] for entry in rule.get("ports", [])]
        return port in ports and (peers is None or any(
            "podSelector" in peer and "namespaceSelector" not in peer and matches(peer["podSelector"], labels) for peer in peers))

    edges = 0
    for caller, its in {**servers, **visitors, **{f"{key} (migration)": value for key, value in migrations.items()}}.items():
        for direction in ("Ingress", "Egress"):
            if not rules(its, direction)[0]:
                fault(f"{name}: {caller}: {direction} is not denied by default")
        for callee, theirs in servers.items():
            out = any(to_pods(rule, "to", theirs, 8080) for rule in rules(its, "Egress")[1])
            into = any(to_pods(rule, "from", its, 8080) for rule in rules(theirs, "Ingress")[1])
            declared = callee in graph.get(caller, {"calls": []})["calls"]
            # The public port of the gateway may be open to anybody; who may leave for it decides.
            if callee == "gateway":
                into = into and declared
            if (out, into) != (declared, declared):
                fault(f"{name}: {caller} -> {callee}: declared {declared}, leaves {out}, enters {into}")
            edges += declared
        # What stands outside: each need is one rule, and there is no other.
        _, leaving = rules(its, "Egress")
        outside = {tuple(sorted(str(entry["port"]) for entry in rule["ports"])) for rule in leaving
                   if not any(to_pods(rule, "to", labels, 8080) for labels in servers.values())}
        needs = graph[caller]["needs"] if caller in graph else ["database"]
        values = yaml.safe_load((CHART / "values.yaml").read_text())["network"]
        expected = {("53", "53")}
        for need in needs:
            if need == "world":
                expected.add(tuple(sorted(map(str, values["world"]["ports"]))))
            elif need != "telemetry" or any("4317" in ports for ports in outside):
                expected.add((str(values[need]["port"]),))
        if outside != expected:
            fault(f"{name}: {caller}: leaves for {sorted(outside)}, declared {sorted(expected)}")
        for rule in leaving:
            for peer in rule.get("to") or [{}]:
                if not peer or (peer.get("ipBlock") and "world" not in needs):
                    fault(f"{name}: {caller}: may leave for anywhere: {rule}")
        for rule in rules(its, "Ingress")[1]:
            ports = {entry["port"] for entry in rule.get("ports", [])}
            if not ports <= {8080, 9090} or not ports:
                fault(f"{name}: {caller}: is open at {ports}")
            if 9090 in ports and not rule.get("from"):
                fault(f"{name}: {caller}: metrics are open to anybody")
    return edges


def metrics():
    """Name -> labels of every metric that the services export; tests/contract/metrics.rs holds the file against them."""
    known = {"up": set()}
    for line in (CHART / "metrics.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            metric, *labels = line.split()
            known[metric] = set(labels)
    return known


def selectors(node):
    """Every vector selector of a parsed query."""
    found = []

    def walk(one):
        if isinstance(one, promql_parser.VectorSelector):
            found.append(one)
            return
        for word in ("expr", "lhs", "rhs", "param", "vector_selector", "vs", "args"):
            inner = getattr(one, word, None)
            for each in inner if isinstance(inner, list) else [inner]:
                if each is not None:
                    walk(each)

    walk(node)
    return found


def query(where, text, known):
    try:
        parsed = promql_parser.parse(text)
    except ValueError as error:
        fault(f"{where}: {error}: {text}")
        return
    found = selectors(parsed)
    if not found:
        fault(f"{where}: names no metric: {text}")
    # What Prometheus and the service monitor add to every series.
    ambient = {"job", "instance", "le", "namespace", "pod"}
    for selector in found:
        name = selector.name
        base = re.sub(r"_(bucket|count|sum)$", "", name)
        if name not in known and base not in known:
            fault(f"{where}: nobody exports {name}")
            continue
        labels = known.get(name, known.get(base, set())) | ambient
        matchers = selector.matchers
        for matcher in getattr(matchers, "matchers", matchers):
            if matcher.name not in labels:
                fault(f"{where}: {name} has no label {matcher.name}")
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", text) for label in group.split(",")}
    everything = ambient | {label for selector in found for label in known.get(selector.name, known.get(
        re.sub(r"_(bucket|count|sum)$", "", selector.name), set()))}
    if grouped - everything:
        fault(f"{where}: groups by {sorted(grouped - everything)}, which nobody exports: {text}")


def queries():
    known, count = metrics(), 0
    alerts = yaml.safe_load((CHART / "alerts.yaml").read_text())
    names = set()
    for group in alerts["groups"]:
        for rule in group["rules"]:
            names.add(rule["alert"])
            query(f"alert {rule['alert']}", rule["expr"], known)
            count += 1
    pages = {path.stem for path in (CHART / "runbooks").glob("*.md")}
    if names != pages:
        fault(f"alerts and runbook pages differ: {sorted(names ^ pages)}")
    for path in sorted((CHART / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                query(f"{path.name}, {panel['title']}", target["expr"].replace("$job", ".*"), known)
                count += 1
    return count


def current(write):
    texts = {CHART / "dashboards" / name: text for name, text in dashboards.rendered().items()}
    texts.update(generated.files())
    for name in SETS:
        if name not in NOT_GOLDEN:
            texts[GOLDEN / f"{name}.yaml"] = re.sub(r"(?m)^(    )\s*\{\n(?:.*\n)*?    \}\n", "", render(name)[0])
    for path, text in texts.items():
        if write:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            fault(f"{path.relative_to(HERE.parents[1])} is not current: `make chart-generate`, and look at the difference")


def refused_values():
    """The schema refuses what would otherwise be silently without effect."""
    for wrong in ("defaults.replica=3", "services.intake.replicas=many", "services.billing.replicas=1", "image.tags=1"):
        code, _, err = helm("template", "demo", CHART, "--set", wrong)
        if not code or "schema" not in err:
            fault(f"values that make no sense are taken: {wrong}")
    code, _, err = helm("template", "demo", CHART)
    if not code or "files.bucket or files.claim" not in err:
        fault("files may be kept where they are lost with their pod")


def kept_files(name, things):
    """A gateway's root is read-only: where it keeps files is said, and can be written."""
    for owner, kind, pod in pods(things):
        if (owner, kind) != ("demo-gateway", "Deployment"):
            continue
        container = pod["spec"]["containers"][0]
        told = {one["name"].removeprefix("AFTERCARE_GATEWAY__FILES__"): one.get("value") for one in container["env"]}
        mounts = [one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")]
        if not told.get("S3__BUCKET") and not any((told.get("FOLDER") or "").startswith(mount + "/") for mount in mounts):
            fault(f"{name}: the gateway has no place for files")


def main():
    write = sys.argv[1:] == ["generate"]
    if write:
        for path, text in generated.files().items():
            path.write_text(text)
    current(write)
    lint()
    refused_values()
    for name in SETS:
        text, things = render(name)
        if not things:
            continue
        valid, safe = validate(name, text), safe_pods(name, things)
        nothing_secret(name, things)
        kept_files(name, things)
        edges = network(name, things)
        print(f"{name}: {len(things)} objects, {valid} valid by schema, {safe} pod templates restricted, {edges} calls allowed")
    print(f"{queries()} queries name metrics and labels that exist")
    if faults:
        print("\n".join(faults), file=sys.stderr)
        return 1
    print("the chart is in order")
    return 0


if __name__ == "__main__":
    sys.exit(main())
