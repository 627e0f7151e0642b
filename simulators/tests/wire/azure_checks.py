"""Checks of the Azure simulator with the official clients: python azure_checks.py CHECK JSON.

JSON holds the addresses and applications: token, arm, metrics, tenant, subscription, reader, contributor, limited,
identity_header.
"""

import datetime
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.alertsmanagement import AlertsManagementClient
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resourcegraph import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions
from azure.monitor.querymetrics import MetricsClient

CHECK, WHERE = sys.argv[1], json.loads(sys.argv[2])
SUBSCRIPTION = WHERE["subscription"]
ARM_SCOPE = "https://management.azure.com/.default"
NOW = datetime.datetime.now(datetime.timezone.utc)
MINUTE = datetime.timedelta(minutes=1)
VMS = "Microsoft.Compute/virtualMachines"
# No client waits and asks again: what is refused is to be seen.
ONCE = {"retry_total": 0}


def exchange(application, scope):
    """The token request of a confidential client, as any OAuth library sends it."""
    form = {
        "client_id": application["client_id"], "client_secret": application["client_secret"],
        "grant_type": "client_credentials", "scope": scope,
    }
    url = f"{WHERE['token']}{WHERE['tenant']}/oauth2/v2.0/token"
    with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode()) as answer:
        return json.load(answer)


class Credential:
    def __init__(self, application):
        self.application = application
        self.scopes = []

    def get_token(self, *scopes, **_):
        self.scopes.extend(scopes)
        token = exchange(self.application, scopes[0])
        return AccessToken(token["access_token"], int(NOW.timestamp()) + token["expires_in"])


class Bearer(SansIOHTTPPolicy):
    """Adds the token; the clients' own policy refuses to over http."""

    def __init__(self, application):
        self.token = exchange(application, ARM_SCOPE)["access_token"]

    def on_request(self, request):
        request.http_request.headers["Authorization"] = "Bearer " + self.token


def arm(kind, application="reader", **more):
    application = WHERE[application]
    return kind(
        Credential(application), SUBSCRIPTION, base_url=WHERE["arm"], authentication_policy=Bearer(application),
        **ONCE, **more,
    )


def graph(query, **options):
    application = WHERE["reader"]
    client = ResourceGraphClient(
        Credential(application), base_url=WHERE["arm"], authentication_policy=Bearer(application), **ONCE
    )
    request = QueryRequest(query=query, subscriptions=[SUBSCRIPTION], options=QueryRequestOptions(**options))
    return client.resources(request)


def ids(kind):
    found = graph(f"resources | where type =~ '{kind}' | project id | order by id asc")
    return [row["id"] for row in found.data]


def refused(status, call, text=""):
    try:
        call()
    except HttpResponseError as error:
        assert error.status_code == status, (error.status_code, error.message)
        assert text in str(error), str(error)
        return error
    raise AssertionError(f"expected {status} {text}")


def inventory():
    clients = arm(ResourceManagementClient)
    listed = list(clients.resources.list())
    found = graph("resources | project id, name, type, location, tags, zones | order by id asc")
    assert found.result_truncated == "false" and found.count == found.total_records == len(listed) == 87
    assert sorted(it.id for it in listed) == [row["id"] for row in found.data]
    vms = list(clients.resources.list(filter=f"resourceType eq '{VMS}'"))
    assert len(vms) == 60 and vms[0].tags["service"] and vms[0].type == VMS
    paged, token = [], None
    while True:
        page = graph("resources | project id | order by id asc", top=20, skip_token=token)
        paged += [row["id"] for row in page.data]
        token = page.skip_token
        if not token:
            break
    assert paged == [row["id"] for row in found.data]
    table = graph("resources | summarize count() by type", result_format="table")
    assert [column["name"] for column in table.data["columns"]] == ["type", "count_"]
    refused(400, lambda: graph("project id, location | where where"), "BadRequest")


def graph_quota():
    seen = None
    for _ in range(40):
        try:
            graph("resources | count")
        except HttpResponseError as error:
            seen = error
            break
    assert seen is not None and seen.status_code == 429, seen
    assert int(seen.response.headers["Retry-After"]) <= 5
    assert seen.response.headers["x-ms-user-quota-remaining"] == "0"


def definitions():
    monitor = arm(MonitorManagementClient)
    kinds = {row["type"]: row["id"] for row in graph("resources | project id, type").data}
    for kind, resource in kinds.items():
        all_of_them = list(monitor.metric_definitions.list(resource))
        assert all_of_them, kind
        for it in all_of_them:
            assert it.namespace.lower() == kind and it.name.value and it.unit, it
            assert it.metric_availabilities[0].retention == datetime.timedelta(days=93), it
            assert it.primary_aggregation_type in it.supported_aggregation_types, it
        spaces = list(monitor.metric_namespaces.list(resource))
        assert spaces[0].properties.metric_namespace_name.lower() == kind
    account = kinds["microsoft.storage/storageaccounts"]
    blobs = {it.name.value: it for it in monitor.metric_definitions.list(account + "/blobServices/default")}
    assert blobs["BlobCapacity"].metric_availabilities[0].time_grain == datetime.timedelta(hours=1)
    assert [it.value for it in blobs["Transactions"].dimensions] == ["ResponseType", "ApiName", "Authentication"]


def metrics():
    monitor = arm(MonitorManagementClient)
    vm = ids(VMS)[0]
    span = f"{(NOW - 10 * MINUTE).isoformat()}/{NOW.isoformat()}".replace("+00:00", "Z")
    answer = monitor.metrics.list(
        vm, metricnames="Percentage CPU,Network In Total", interval="PT1M", aggregation="Average,Total", timespan=span
    )
    cpu, network = answer.value
    assert answer.resourceregion == "eastus" and answer.interval in ("PT1M", MINUTE), answer.interval
    assert cpu.name.value == "Percentage CPU" and cpu.unit == "Percent"
    # One aggregation the metric has not makes the whole metric an error inside a success.
    assert cpu.error_code == "InvalidSamplingType" and not cpu.timeseries, cpu.error_code
    assert network.error_code == "Success"
    points = network.timeseries[0].data
    assert len(points) in (10, 11), len(points)
    assert points[0].total > 1e6 and points[-1].total is None, "the newest grains have no value"
    gateway = ids("Microsoft.Network/applicationGateways")[0]
    split = monitor.metrics.list(
        gateway, metricnames="ResponseStatus", interval="PT1M", aggregation="Total", timespan=span,
        filter="HttpStatusGroup eq '*'", top=1000,
    ).value[0].timeseries
    names = {(line.metadatavalues[0].name.value, line.metadatavalues[0].value) for line in split}
    assert ("httpstatusgroup", "2xx") in names and len(names) >= 2, names
    whole = monitor.metrics.list(
        gateway, metricnames="ResponseStatus", interval="PT1M", aggregation="Total", timespan=span
    ).value[0].timeseries[0].data
    for index, point in enumerate(whole[:5]):
        assert abs(point.total - sum(line.data[index].total or 0 for line in split)) < 1e-6
    one = monitor.metrics.list(
        gateway, metricnames="ResponseStatus", aggregation="Total", timespan=span, interval="PT1M",
        filter="HttpStatusGroup eq '*'", top=1, orderby="total desc",
    ).value[0].timeseries
    assert [line.metadatavalues[0].value for line in one] == ["2xx"]
    def asking(**parameters):
        return lambda: monitor.metrics.list(vm, timespan=span, **parameters)
    refused(400, asking(metricnames="Nonsense"), "Failed to find metric configuration")
    refused(400, asking(metricnames="Percentage CPU", interval="PT30S"), "interval")
    refused(400, asking(metricnames="Percentage CPU", filter="Nobody eq '*'"), "dimension")
    refused(404, lambda: monitor.metrics.list(vm + "x", metricnames="Percentage CPU"), "ResourceNotFound")


def batch():
    vms = [it for it in ids(VMS) if "/rg-" in it and "-eastus/" in it]
    east = MetricsClient(WHERE["metrics"] + "eastus", Credential(WHERE["reader"]), **ONCE)
    asked = dict(
        metric_namespace=VMS, metric_names=["Percentage CPU", "VmAvailabilityMetric"],
        timespan=(NOW - 10 * MINUTE, NOW), granularity=MINUTE, aggregations=["Average"], enforce_https=False,
    )
    answers = east.query_resources(resource_ids=[it.lower() for it in vms], **asked)
    owner = lambda answer: answer.metrics[0].id.split("/providers/Microsoft.Insights/")[0]
    assert [owner(it) for it in answers] == vms, "in the spelling of whoever created them"
    assert len(answers) == 35 and answers[0].namespace == VMS.lower() and answers[0].resource_region == "eastus"
    monitor = arm(MonitorManagementClient)
    span = f"{(NOW - 10 * MINUTE).isoformat()}/{NOW.isoformat()}".replace("+00:00", "Z")
    for answer in answers[:3]:
        single = monitor.metrics.list(
            owner(answer), metricnames="Percentage CPU", interval="PT1M", aggregation="Average", timespan=span
        )
        expected = [point.average for point in single.value[0].timeseries[0].data]
        given = [point.average for point in answer.metrics[0].timeseries[0].data]
        # The last grains may have become final in between.
        assert expected[:6] == given[:6] and None not in given[:6], (expected, given)
    west = [it for it in ids(VMS) if "-westeurope/" in it]
    refused(400, lambda: east.query_resources(resource_ids=west[:1], **asked), "eastus")
    redis = ids("Microsoft.Cache/Redis")[0]
    refused(400, lambda: east.query_resources(resource_ids=[vms[0], redis], **asked))
    refused(400, lambda: east.query_resources(resource_ids=[vms[0]] * 51, **asked), "50")
    credential = Credential(WHERE["reader"])
    MetricsClient(WHERE["metrics"], credential).query_resources(resource_ids=vms[:1], **asked)
    assert credential.scopes == ["https://metrics.monitor.azure.com/.default"]


def alerts():
    client = arm(AlertsManagementClient, "contributor")
    everything = list(client.alerts.get_all(page_count=1))
    fired = [it for it in everything if it.name == "vm-cpu-high"]
    assert len(fired) == 2 and len(everything) >= 3, everything
    for it in fired:
        essentials = it.properties.essentials
        assert (essentials.severity, essentials.monitor_condition) == ("Sev1", "Fired")
        assert essentials.alert_state == "New" and essentials.target_resource in {i.lower() for i in ids(VMS)}
    key = fired[0].id.rsplit("/", 1)[1]
    one = client.alerts.get_by_id(key)
    condition = one.properties.context["context"]["condition"]["allOf"][0]
    assert condition["metricName"] == "Percentage CPU" and condition["threshold"] == "90", condition
    assert condition["metricValue"] > 90
    changed = client.alerts.change_state(key, "Acknowledged")
    assert changed.properties.essentials.alert_state == "Acknowledged"
    past = client.alerts.get_history(key).properties.modifications
    assert [it.modification_event for it in past] == ["StateChange", "AlertCreated"]
    summary = client.alerts.get_summary(groupby="severity,alertState").properties
    counts = {(a.name, b.name): b.count for a in summary.values for b in a.values}
    assert counts[("Sev1", "Acknowledged")] == 1 and counts[("Sev1", "New")] == 1, counts
    acknowledged = list(client.alerts.get_all(alert_state="Acknowledged", include_context=True))
    assert [it.id for it in acknowledged] == [fired[0].id]
    reader = arm(AlertsManagementClient)
    refused(403, lambda: reader.alerts.change_state(key, "Closed"), "AuthorizationFailed")


def identities():
    os.environ["IDENTITY_ENDPOINT"] = WHERE["token"] + "msi/token"
    os.environ["IDENTITY_HEADER"] = WHERE["identity_header"]
    from azure.identity import ManagedIdentityCredential

    token = ManagedIdentityCredential().get_token("https://management.azure.com/.default")
    assert token.expires_on > NOW.timestamp() + 3_000
    machine = urllib.request.Request(
        WHERE["token"] + "metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/",
        headers={"Metadata": "true"},
    )
    with urllib.request.urlopen(machine) as answer:
        body = json.load(answer)
    assert isinstance(body["expires_on"], str) and isinstance(body["expires_in"], str), body
    listing = urllib.request.Request(
        WHERE["arm"] + "subscriptions?api-version=2022-12-01", headers={"Authorization": "Bearer " + token.token}
    )
    with urllib.request.urlopen(listing) as answer:
        assert json.load(answer)["value"][0]["subscriptionId"] == SUBSCRIPTION
        assert int(answer.headers["x-ms-ratelimit-remaining-tenant-reads"]) < 250


def refusals():
    wrong = dict(WHERE["reader"], client_secret="wrong")
    try:
        exchange(wrong, ARM_SCOPE)
        raise AssertionError("a wrong secret was taken")
    except urllib.error.HTTPError as error:
        body = json.load(error)
        assert error.code == 401 and body["error"] == "invalid_client" and body["error_codes"] == [7000215], body
        assert body["error_description"].startswith("AADSTS7000215: "), body
    vm = ids(VMS)[0]
    limited = arm(MonitorManagementClient, "limited")
    refused(403, lambda: limited.metrics.list(vm, metricnames="Percentage CPU"), "Microsoft.Insights/metrics/read")
    nobody = MonitorManagementClient(
        Credential(WHERE["reader"]), SUBSCRIPTION, base_url=WHERE["arm"], authentication_policy=SansIOHTTPPolicy(), **ONCE
    )
    refused(401, lambda: nobody.metrics.list(vm, metricnames="Percentage CPU"), "AuthenticationFailed")
    # The clients' own policy, told to go over http, with a token for the other host.
    other = MonitorManagementClient(
        Credential(WHERE["reader"]), SUBSCRIPTION, base_url=WHERE["arm"],
        credential_scopes=["https://metrics.monitor.azure.com/.default"], **ONCE,
    )
    call = lambda: other.metrics.list(vm, metricnames="Percentage CPU", enforce_https=False)
    refused(401, call, "InvalidAuthenticationTokenAudience")
    monitor = arm(MonitorManagementClient)
    seen = None
    for _ in range(450):
        try:
            list(monitor.metric_definitions.list(vm))
        except HttpResponseError as error:
            seen = error
            break
    assert seen is not None and seen.status_code == 429, seen
    assert int(seen.response.headers["Retry-After"]) >= 1 and "RequestsThrottled" in str(seen), seen


globals()[CHECK]()
