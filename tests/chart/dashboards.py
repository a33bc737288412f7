"""Writes charts/aftercare/dashboards/*.json out of the tables below: a dashboard is rows of panels, a panel is a title, a
unit, and queries with their legends. Run by `make dashboards`; `make chart-test` fails when the files are not these."""

import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "charts/aftercare/dashboards"
JOB = 'job=~"$job"'

DASHBOARDS = {
    "services": (
        "Aftercare: services",
        [
            ("Calls", [
                ("Calls a second", "reqps", [(f"sum by (job) (rate(aftercare_rpc_total{{{JOB}}}[5m]))", "{{job}}")]),
                ("Errors by our fault", "percentunit", [(
                    f'sum by (job) (rate(aftercare_rpc_total{{{JOB}, code=~"INTERNAL|UNKNOWN|UNAVAILABLE|DEADLINE_EXCEEDED|DATA_LOSS"}}[5m])) '
                    f"/ sum by (job) (rate(aftercare_rpc_total{{{JOB}}}[5m]))", "{{job}}")]),
                ("Time of a call, p50 and p99", "s", [
                    (f"histogram_quantile(0.5, sum by (job, le) (rate(aftercare_rpc_seconds_bucket{{{JOB}}}[5m])))", "{{job}} p50"),
                    (f"histogram_quantile(0.99, sum by (job, le) (rate(aftercare_rpc_seconds_bucket{{{JOB}}}[5m])))", "{{job}} p99")]),
            ]),
            ("By method", [
                ("Busiest methods", "reqps", [(f"topk(10, sum by (service, method) (rate(aftercare_rpc_total{{{JOB}}}[5m])))", "{{method}}")]),
                ("Slowest methods, p99", "s", [(
                    f"topk(10, histogram_quantile(0.99, sum by (service, method, le) (rate(aftercare_rpc_seconds_bucket{{{JOB}}}[5m]))))", "{{method}}")]),
                ("Errors by method", "reqps", [(
                    f'topk(10, sum by (method, code) (rate(aftercare_rpc_total{{{JOB}, code!="OK"}}[5m])))', "{{method}} {{code}}")]),
            ]),
            ("Saturation", [
                ("Calls in work, by pod", "short", [(f"sum by (job, instance) (aftercare_rpc_in_work{{{JOB}}})", "{{job}} {{instance}}")]),
                ("Refused to protect the rest", "reqps", [(
                    f'sum by (job) (rate(aftercare_rpc_total{{{JOB}, code="RESOURCE_EXHAUSTED"}}[5m]))', "{{job}}")]),
                ("Pods that answer", "short", [(f"sum by (job) (up{{{JOB}}})", "{{job}}")]),
            ]),
        ],
    ),
    "operations": (
        "Aftercare: operations",
        [
            ("Events out", [
                ("Waiting to be published", "short", [("max by (service) (aftercare_outbox_backlog)", "{{service}}")]),
                ("Age of the oldest", "s", [("max by (service) (aftercare_outbox_oldest_seconds)", "{{service}}")]),
                ("Published a second", "cps", [("sum by (service) (rate(aftercare_events_published_total[5m]))", "{{service}}")]),
            ]),
            ("Events in", [
                ("Behind, by stream", "short", [("max by (consumer, stream) (aftercare_consumer_lag)", "{{consumer}} {{stream}}")]),
                ("Handled a second", "cps", [("sum by (consumer) (rate(aftercare_events_handled_total[5m]))", "{{consumer}}")]),
                ("Dead letters", "short", [("max by (consumer) (aftercare_dead_letters)", "{{consumer}}")]),
            ]),
            ("Trouble that healed", [
                ("Copies dropped", "cps", [("sum by (consumer) (rate(aftercare_events_repeated_total[5m]))", "{{consumer}}")]),
                ("Taken over from silent consumers", "cps", [("sum by (consumer) (rate(aftercare_events_redelivered_total[5m]))", "{{consumer}}")]),
                ("Forgotten by Redis, published again", "short", [("sum by (service) (increase(aftercare_events_forgotten_total[1h]))", "{{service}}")]),
            ]),
        ],
    ),
    "business": (
        "Aftercare: business",
        [
            ("Cases", [
                ("Open service requests by state", "short", [("max by (state) (aftercare_service_requests_open)", "{{state}}")]),
                ("Past a deadline", "short", [("max(aftercare_service_requests_overdue)", "overdue")]),
                ("Promises kept, last day", "percentunit", [(
                    'sum by (target) (increase(aftercare_deadlines_total{outcome="met"}[1d])) / sum by (target) (increase(aftercare_deadlines_total[1d]))', "{{target}}")]),
            ]),
            ("Visits", [
                ("Work orders by state reached, an hour", "short", [(
                    'sum by (state) (increase(aftercare_changes_total{kind="work_order"}[1h]))', "{{state}}")]),
                ("Visits completed and failed, an hour", "short", [(
                    'sum by (state) (increase(aftercare_changes_total{kind="work_order", state=~"completed|failed"}[1h]))', "{{state}}")]),
                ("Parts reserved and short, an hour", "short", [(
                    'sum by (state) (increase(aftercare_changes_total{kind="reservation"}[1h]))', "{{state}}")]),
            ]),
            ("Customers", [
                ("Complaints, an hour", "short", [('sum by (state) (increase(aftercare_changes_total{kind="complaint"}[1h]))', "{{state}}")]),
                ("Survey answers, an hour", "short", [('sum by (action) (increase(aftercare_changes_total{kind="response"}[1h]))', "{{action}}")]),
                ("Invitations, an hour", "short", [('sum by (state) (increase(aftercare_changes_total{kind="invitation"}[1h]))', "{{state}}")]),
            ]),
        ],
    ),
    "case": (
        "Aftercare: one case's journey",
        [
            ("How cases move, step by step", [
                ("Requests: actions an hour", "short", [('sum by (action) (increase(aftercare_changes_total{kind="service_request"}[1h]))', "{{action}}")]),
                ("Work orders: actions an hour", "short", [('sum by (action) (increase(aftercare_changes_total{kind="work_order"}[1h]))', "{{action}}")]),
                ("Complaints: actions an hour", "short", [('sum by (action) (increase(aftercare_changes_total{kind="complaint"}[1h]))', "{{action}}")]),
            ]),
            ("Where a case waits", [
                ("Events on their way out", "s", [("max by (service) (aftercare_outbox_oldest_seconds)", "{{service}}")]),
                ("Events on their way in", "short", [("max by (consumer) (aftercare_consumer_lag)", "{{consumer}}")]),
                ("Events that are tried again", "cps", [("sum by (consumer) (rate(aftercare_events_retried_total[5m]))", "{{consumer}}")]),
            ]),
        ],
    ),
}

# The journey of one case needs its trace: the panel links into the tracing store by the id that every log line carries.
TRACE = {
    "type": "text", "title": "One case", "options": {"mode": "markdown", "content":
        "Every answer carries `x-request-id`, every log line `trace_id`. One trace holds the call, the events and all consumers: "
        "open it in the tracing store by its id. The record's own history is `GET /v1/customers/{id}/timeline`."},
}


def dashboard(name, title, rows):
    panels, y, number = [], 0, 0
    for heading, row in rows:
        number += 1
        panels.append({"id": number, "type": "row", "title": heading, "collapsed": False, "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}})
        width = 24 // len(row)
        for index, (label, unit, queries) in enumerate(row):
            number += 1
            panels.append({
                "id": number, "type": "timeseries", "title": label,
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "gridPos": {"h": 8, "w": width, "x": index * width, "y": y + 1},
                "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 8, "showPoints": "never"}}, "overrides": []},
                "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
                "targets": [
                    {"refId": chr(65 + place), "expr": query, "legendFormat": legend, "exemplar": True,
                     "datasource": {"type": "prometheus", "uid": "${datasource}"}}
                    for place, (query, legend) in enumerate(queries)],
            })
        y += 9
    if name == "case":
        panels.append({"id": number + 1, **TRACE, "gridPos": {"h": 4, "w": 24, "x": 0, "y": y}})
    variables = [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source"}]
    if name == "services":
        variables.append({
            "name": "job", "type": "query", "label": "Service", "multi": True, "includeAll": True, "allValue": ".*",
            "datasource": {"type": "prometheus", "uid": "${datasource}"}, "refresh": 2,
            "query": {"query": "label_values(aftercare_rpc_total, job)", "refId": "job"}, "current": {"text": "All", "value": "$__all"}})
    return {
        "uid": f"aftercare-{name}", "title": title, "tags": ["aftercare"], "schemaVersion": 39, "version": 1, "editable": True,
        "time": {"from": "now-6h", "to": "now"}, "refresh": "30s", "timezone": "browser",
        "templating": {"list": variables}, "panels": panels, "annotations": {"list": []}, "links": [
            {"type": "dashboards", "tags": ["aftercare"], "asDropdown": True, "title": "Aftercare", "includeVars": False, "keepTime": True}],
    }


def rendered():
    return {
        f"{name}.json": json.dumps(dashboard(name, title, rows), indent=1, ensure_ascii=False) + "\n"
        for name, (title, rows) in DASHBOARDS.items()}


if __name__ == "__main__":
    for name, text in rendered().items():
        (FOLDER / name).write_text(text)
        print(name, len(text), file=sys.stderr)
