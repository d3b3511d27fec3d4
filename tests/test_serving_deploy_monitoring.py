"""Alerts, the autoscaler's metrics and the dashboard, as Prometheus itself evaluates them."""

import re
import shutil
import subprocess

import pytest
import yaml
from deployed_files import deployed_dir, panels, queries_of_dashboard, read_documents

# What TensorFlow Serving exports, without the suffixes of histograms.
METRICS = {
    f":tensorflow:serving:{name}"
    for name in (
        "request_count", "request_latency", "runtime_latency", "request_example_counts",
        "request_example_count_total", "model_warmup_latency", "model_warmup_records_read",
        "batching_session:queuing_latency", "batching_session:wrapped_run_count",
        "batching_session:input_batch_size", "batching_session:padding_size",
        "batching_session:processed_batch_size",
    )
}  # fmt: skip
HISTOGRAMS = {
    name for name in METRICS if not name.endswith(("request_count", "total", "read", "wrapped_run_count"))
}
SERIES = METRICS - HISTOGRAMS | {
    f"{name}_{suffix}" for name in HISTOGRAMS for suffix in ("bucket", "sum", "count")
}
COUNT = (
    ":tensorflow:serving:request_count"
    '{job="serving", namespace="zoo", pod="a", model_name="dcgan", status="%s"}'
)
LATENCY = (
    ":tensorflow:serving:request_latency_%s"
    '{job="serving", namespace="zoo", pod="a", model_name="dcgan", API="Predict", entrypoint="GRPC"%s}'
)


def queries_of_adapter():
    (values,) = read_documents(deployed_dir() / "kubernetes" / "prometheus-adapter-values.yaml")
    queries = {rule["name"]["as"]: rule["metricsQuery"] for rule in values["rules"]["custom"]}
    given = {"<<.GroupBy>>": "pod", "<<.LabelMatchers>>": 'namespace="zoo",pod=~"a|b"'}
    for name in queries:
        for placeholder, text in given.items():
            queries[name] = queries[name].replace(placeholder, text)
    return queries


def queries_of_alerts():
    (alerts,) = read_documents(deployed_dir() / "monitoring" / "alerts.yaml")
    return [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]


def promtool(*words):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed; Debian's package prometheus has it")
    done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_tests(tmp_path, *tests):
    (alerts,) = read_documents(deployed_dir() / "monitoring" / "alerts.yaml")
    for rule in alerts["groups"][0]["rules"]:
        del rule["annotations"]["description"]
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(alerts), encoding="utf-8")
    text = {"rule_files": ["alerts.yaml"], "tests": list(tests)}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    promtool("test", "rules", tmp_path / "test.yaml")


def series(name, values):
    return {"series": name, "values": values}


def histogram(edges, step):
    """A latency histogram that grows by `edges[edge]` answers each minute; edges in microseconds."""
    return [
        series(LATENCY % ("bucket", f', le="{edge}"'), f"0+{count}x40") for edge, count in edges.items()
    ] + [series(LATENCY % ("count", ""), f"0+{step}x40")]


def fires(name, at, summary=None, **labels):
    """An alert that says `summary` at a time, or is quiet."""
    alert = {"exp_labels": labels, "exp_annotations": {"summary": summary}}
    return {"eval_time": at, "alertname": name, "exp_alerts": [alert] if summary else []}


def test_queries_name_only_metrics_that_the_server_has():
    expressions = [*queries_of_dashboard(), *queries_of_adapter().values(), *queries_of_alerts()]
    named = {name for each in expressions for name in re.findall(r":tensorflow:[a-z_:]+", each)}
    assert named <= SERIES
    assert {name.rpartition("_")[0] for name in named} & HISTOGRAMS >= {
        ":tensorflow:serving:request_latency",
        ":tensorflow:serving:batching_session:queuing_latency",
    }


def test_dashboard_shows_rate_latency_batching_and_errors():
    titles = [panel["title"] for panel in panels()]
    assert {"Requests by status", "Response latency", "Rows per batch", "Errors by model and status"} <= {
        *titles
    }
    (latency,) = [panel for panel in panels() if panel["title"] == "Response latency"]
    assert [re.findall(r"0\.\d+", target["expr"])[0] for target in latency["targets"]] == [
        "0.5",
        "0.95",
        "0.99",
    ]
    (datasources,) = read_documents(deployed_dir() / "grafana" / "datasources.yaml")
    known = {source["uid"] for source in datasources["datasources"]}
    assert {panel["datasource"]["uid"] for panel in panels()} <= known
    areas = [panel["gridPos"] for panel in panels()]
    cells = [(a["x"] + x, a["y"] + y) for a in areas for x in range(a["w"]) for y in range(a["h"])]
    assert len(cells) == len(set(cells)), "panels overlap"
    assert max(x for x, _ in cells) < 24


def test_prometheus_reads_its_files():
    assert "6 rules found" in promtool("check", "config", deployed_dir() / "monitoring" / "prometheus.yaml")


def test_prometheus_parses_every_query(tmp_path):
    expressions = queries_of_dashboard()
    rules = [{"record": f"query_{index}", "expr": text} for index, text in enumerate(expressions)]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    assert f"{len(expressions)} rules found" in promtool("check", "rules", path)


def test_alerts_for_servers_that_do_not_answer(tmp_path):
    nobody = {"summary": "No model server answers.", "severity": "critical"}
    one = {"summary": "a:8501 does not answer Prometheus.", "severity": "warning"}
    ending = [
        series('up{job="serving", instance="a:8501"}', "1x9 0x20"),
        series('up{job="serving", instance="b:8501"}', "1x19 0x10"),
    ]
    alerts = [
        fires("ModelServerDown", "14m"),
        fires("ModelServerDown", "16m", **one, job="serving", instance="a:8501"),
        fires("NoModelServer", "19m"),
        fires("NoModelServer", "22m", **nobody),
    ]
    unknown = [fires("NoModelServer", "2m", **nobody)]
    run_tests(
        tmp_path,
        {"interval": "1m", "input_series": ending, "alert_rule_test": alerts},
        {"interval": "1m", "input_series": [], "alert_rule_test": unknown},
    )


@pytest.mark.parametrize(
    ("status", "per_minute", "errors", "refused"),
    [
        ("INVALID_ARGUMENT", 60, {}, {}),
        ("INTERNAL", 6, {"summary": "9.091% of the requests for dcgan fail.", "severity": "critical"}, {}),
        ("INTERNAL", 2, {}, {}),
        (
            "UNAVAILABLE",
            30,
            {},
            {"summary": "0.5 requests a second for dcgan are refused.", "severity": "warning"},
        ),
    ],
)
def test_alerts_tell_the_servers_errors_from_the_clients(tmp_path, status, per_minute, errors, refused):
    given = [series(COUNT % "OK", "0+60x40"), series(COUNT % status, f"0+{per_minute}x40")]
    label = {"model_name": "dcgan"}
    alerts = [
        fires("ServerErrors", "20m", **errors, **label),
        fires("RequestsRefused", "20m", **refused, **label),
    ]
    run_tests(tmp_path, {"interval": "1m", "input_series": given, "alert_rule_test": alerts})


def test_alert_for_slow_answers_takes_microseconds(tmp_path):
    summary = "5 % of the answers of dcgan take longer than 2.8s."
    slow_alert = {"summary": summary, "severity": "warning", "model_name": "dcgan"}
    for within_a_second, alert in ((100, {}), (50, slow_alert)):
        test = {
            "interval": "1m",
            "input_series": histogram({"1e+06": within_a_second, "3e+06": 100, "+Inf": 100}, 100),
            "alert_rule_test": [fires("SlowPredictions", "30m", **alert)],
        }
        run_tests(tmp_path, test)


def test_alert_for_a_long_batching_queue(tmp_path):
    name = ':tensorflow:serving:batching_session:queuing_latency_bucket{le="%s"}'
    waiting = [
        series(name % edge, f"0+{count}x40")
        for edge, count in {"100000": 10, "1e+06": 100, "+Inf": 100}.items()
    ]
    alert = {"summary": "Requests wait 950ms for their batch.", "severity": "warning"}
    test = {
        "interval": "1m",
        "input_series": waiting,
        "alert_rule_test": [fires("LongBatchingQueue", "30m", **alert)],
    }
    run_tests(tmp_path, test)


def test_autoscaler_sees_requests_and_latency_per_pod_and_zero_when_idle(tmp_path):
    idle = {name.replace('pod="a"', 'pod="b"') for name in (LATENCY % ("count", ""), COUNT % "OK")}
    given = histogram({"0": 0, "1e+06": 100, "+Inf": 100}, 100)
    given += [series(COUNT % "OK", "0+60x40"), series(COUNT % "UNAVAILABLE", "0+30x40")]
    given += [series(name, "7x40") for name in idle]
    given.append(series((LATENCY % ("bucket", ', le="+Inf"')).replace('pod="a"', 'pod="b"'), "7x40"))
    queries = queries_of_adapter()
    expected = {"serving_requests_per_second": (1.5, 0), "serving_p95_seconds": (0.95, 0)}
    test = {
        "interval": "1m",
        "input_series": given,
        "promql_expr_test": [
            {
                "expr": queries[name],
                "eval_time": "20m",
                "exp_samples": [
                    {"labels": f'{{pod="{pod}"}}', "value": value}
                    for pod, value in zip("ab", values, strict=True)
                ],
            }
            for name, values in expected.items()
        ],
    }
    run_tests(tmp_path, test)
