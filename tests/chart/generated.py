"""What is generated out of values.yaml: the parameter tables of the README and the schema that `helm` checks values by."""

import json
import pathlib
import re
import subprocess
import tempfile

import yaml

HERE = pathlib.Path(__file__).resolve().parent
CHART = HERE.parents[1] / "charts/aftercare"


def files():
    """Path -> text of every generated file."""
    with tempfile.TemporaryDirectory() as folder:
        readme = pathlib.Path(folder, "README.md")
        readme.write_text((CHART / "README.md").read_text())
        subprocess.run(
            ["node", HERE / "node_modules/.bin/readme-generator", "--values", CHART / "values.yaml", "--readme", readme,
             "--config", HERE / "generator.json"], check=True, stdout=subprocess.DEVNULL)
        return {
            CHART / "README.md": readme.read_text(),
            CHART / "values.schema.json": json.dumps(schema(), indent=2) + "\n",
        }


def schema():
    """An unknown key is an error, a list or an empty map may hold what Kubernetes puts there, and a service may set any default."""
    text = (CHART / "values.yaml").read_text()
    told = {path: about for path, about in re.findall(r"(?m)^## @param (\S+)(?: \[[^]]*\])? (.*)$", text)}
    whole = shape("", yaml.safe_load(text), told)
    whole["$schema"] = "http://json-schema.org/draft-07/schema#"
    whole["title"] = "Values of the chart aftercare"
    defaults, services = whole["properties"]["defaults"], whole["properties"]["services"]
    services["additionalProperties"] = False
    services["properties"] = {
        name: {"description": told[f"services.{name}"], "$ref": "#/properties/defaults"} for name in services["properties"]}
    defaults["description"] = "What all services get; the section of a service wins, key by key"
    # Helm itself sets this one for every chart.
    whole["properties"]["global"] = {"type": "object"}
    return whole


def shape(path, value, told):
    """The schema of a default value."""
    about = {"description": told[path]} if path in told else {}
    if isinstance(value, dict):
        inner = {key: shape(f"{path}.{key}".lstrip("."), each, told) for key, each in value.items()}
        # Maps that are empty by default, and those that are told as one parameter, take any key.
        return {**about, "type": "object", **({"properties": inner, "additionalProperties": False} if inner and path not in told else {})}
    if isinstance(value, list):
        return {**about, "type": "array"}
    if isinstance(value, bool):
        return {**about, "type": "boolean"}
    return {**about, "type": "integer" if isinstance(value, int) else "number" if isinstance(value, float) else "string"}
