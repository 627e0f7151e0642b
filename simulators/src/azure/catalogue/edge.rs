//! Application gateways, load balancers, Service Bus namespaces and function apps.

use std::sync::Arc;

use super::super::grain::MINUTE;
use super::{At, Kind, Native, Resource, Sample, gauge, one, ones, plain, seconds, some, split, sum, words};
use crate::estate::{Estate, Function, Layer, LoadBalancer, Millis, Queue, Signal};

/// Ratios are in percent.
const PERCENT: f64 = 100.0;
/// Milliseconds in a second.
const MILLISECONDS: f64 = 1e3;
/// Bytes in a mebibyte.
const MEBIBYTE: f64 = 1_048_576.0;
/// What a gateway adds to the time its backend takes, in seconds.
const GATEWAY_S: f64 = 0.004;
/// The share of a namespace's messages that the queue `orders` takes; `events` has the rest.
const ORDERS: f64 = 0.7;

fn unhealthy(balancer: &LoadBalancer, from: Millis, to: Millis) -> f64 {
    balancer.unhealthy.mean(from, to).round().min(balancer.hosts)
}

fn pool(balancer: &LoadBalancer) -> Vec<String> {
    vec![balancer.pool.clone()]
}

fn answers_2xx(l: &LoadBalancer, a: Millis, b: Millis) -> Option<Sample> {
    some((l.requests.count(a, b) - l.errors_4xx.count(a, b) - l.errors_5xx.count(a, b)).max(0.0))
}

fn gateway() -> Vec<Native<LoadBalancer>> {
    let by_pool = &["BackendSettingsPool"];
    let status = |name, display| {
        split(
            sum(name, display, "Count").by(&["HttpStatusGroup"]),
            [
                (|_| words(["2xx"]), answers_2xx),
                (|_| words(["4xx"]), |l, a, b| some(l.errors_4xx.count(a, b))),
                (|_| words(["5xx"]), |l, a, b| some(l.errors_5xx.count(a, b))),
            ],
        )
    };
    vec![
        split(
            sum("TotalRequests", "Total Requests", "Count").by(by_pool),
            [(pool, |l, a, b| ones(l.requests.count(a, b)))],
        ),
        split(
            sum("FailedRequests", "Failed Requests", "Count").by(by_pool),
            [(pool, |l, a, b| ones(l.errors_5xx.count(a, b)))],
        ),
        status("ResponseStatus", "Response Status"),
        status("BackendResponseStatus", "Backend Response Status"),
        plain(
            gauge("ApplicationGatewayTotalTime", "Application Gateway Total Time", "MilliSeconds"),
            |l, a, b| Sample::many(l.requests.count(a, b), MILLISECONDS * (l.latency.mean(a, b) + GATEWAY_S)),
        ),
        plain(
            gauge("BackendLastByteResponseTime", "Backend Last Byte Response Time", "MilliSeconds"),
            |l, a, b| Sample::many(l.requests.count(a, b), MILLISECONDS * l.latency.mean(a, b)),
        ),
        plain(sum("CurrentConnections", "Current Connections", "Count"), |l, a, b| {
            one(l.connections.mean(a, b).round())
        }),
        plain(gauge("NewConnectionsPerSecond", "New connections per second", "CountPerSecond"), |l, a, b| {
            one(l.connections_new.count(a, b) / seconds(a, b))
        }),
        split(
            gauge("HealthyHostCount", "Healthy Host Count", "Count").by(by_pool),
            [(pool, |l, a, b| one(l.hosts - unhealthy(l, a, b)))],
        ),
        split(
            gauge("UnhealthyHostCount", "Unhealthy Host Count", "Count").by(by_pool),
            [(pool, |l, a, b| one(unhealthy(l, a, b)))],
        ),
        plain(sum("BytesReceived", "Bytes Received", "Bytes"), |l, a, b| one(l.network_in.count(a, b))),
        plain(sum("BytesSent", "Bytes Sent", "Bytes"), |l, a, b| one(l.network_out.count(a, b))),
    ]
}

fn balancer() -> Vec<Native<LoadBalancer>> {
    let front = |_: &LoadBalancer| words(["10.0.0.4"]);
    vec![
        split(
            gauge("VipAvailability", "Data Path Availability", "Count").by(&["FrontendIPAddress"]),
            [(front, |_, _, _| one(PERCENT))],
        ),
        split(
            gauge("DipAvailability", "Health Probe Status", "Count").by(&["FrontendIPAddress"]),
            [(front, |l, a, b| one(PERCENT * (l.hosts - unhealthy(l, a, b)) / l.hosts))],
        ),
        split(
            sum("SYNCount", "SYN Count", "Count").by(&["FrontendIPAddress"]),
            [(front, |l, a, b| ones(l.connections_new.count(a, b)))],
        ),
        split(
            sum("ByteCount", "Byte Count", "Bytes").by(&["FrontendIPAddress", "Direction"]),
            [
                (|_| words(["10.0.0.4", "In"]), |l, a, b| one(l.network_in.count(a, b))),
                (|_| words(["10.0.0.4", "Out"]), |l, a, b| one(l.network_out.count(a, b))),
            ],
        ),
    ]
}

/// The whole messages of `orders` in a span; counts of neighbouring spans add up.
fn orders(signal: &Signal, from: Millis, to: Millis) -> f64 {
    let until = |t| (ORDERS * signal.total(t)).floor();
    until(to) - until(from)
}

fn events(signal: &Signal, from: Millis, to: Millis) -> f64 {
    signal.count(from, to) - orders(signal, from, to)
}

fn service_bus() -> Vec<Native<Queue>> {
    const AT_ORDERS: At<Queue> = |_| words(["orders"]);
    const AT_EVENTS: At<Queue> = |_| words(["events"]);
    let by = &["EntityName"];
    vec![
        split(
            sum("IncomingMessages", "Incoming Messages", "Count").by(by),
            [
                (AT_ORDERS, |q, a, b| ones(orders(&q.sent, a, b))),
                (AT_EVENTS, |q, a, b| ones(events(&q.sent, a, b))),
            ],
        ),
        split(
            sum("OutgoingMessages", "Outgoing Messages", "Count").by(by),
            [
                (AT_ORDERS, |q, a, b| ones(orders(&q.received, a, b))),
                (AT_EVENTS, |q, a, b| ones(events(&q.received, a, b))),
            ],
        ),
        split(
            sum("CompleteMessage", "Completed Messages", "Count").by(by),
            [
                (AT_ORDERS, |q, a, b| ones(orders(&q.received, a, b))),
                (AT_EVENTS, |q, a, b| ones(events(&q.received, a, b))),
            ],
        ),
        split(
            gauge("ActiveMessages", "Count of active messages in a Queue/Topic.", "Count").by(by),
            [
                (AT_ORDERS, |q, a, b| one((ORDERS * q.depth.mean(a, b)).round())),
                (AT_EVENTS, |q, a, b| one(((1.0 - ORDERS) * q.depth.mean(a, b)).round())),
            ],
        ),
        split(
            gauge("DeadletteredMessages", "Count of dead-lettered messages in a Queue/Topic.", "Count")
                .by(by),
            [(AT_ORDERS, |q, a, b| one(q.dead_lettered.mean(a, b).round())), (AT_EVENTS, |_, _, _| one(0.0))],
        ),
        split(
            gauge("ScheduledMessages", "Count of scheduled messages in a Queue/Topic.", "Count").by(by),
            [(AT_ORDERS, |_, _, _| one(0.0)), (AT_EVENTS, |_, _, _| one(0.0))],
        ),
        split(
            gauge("Size", "Size", "Bytes").by(by),
            [
                (AT_ORDERS, |q, a, b| one(ORDERS * q.size.mean(a, b))),
                (AT_EVENTS, |q, a, b| one((1.0 - ORDERS) * q.size.mean(a, b))),
            ],
        ),
        split(
            sum("ServerErrors", "Server Errors.", "Count").by(by),
            [
                (AT_ORDERS, |q, a, b| ones(orders(&q.errors, a, b))),
                (AT_EVENTS, |q, a, b| ones(events(&q.errors, a, b))),
            ],
        ),
        split(
            sum("ThrottledRequests", "Throttled Requests.", "Count").by(by),
            [(AT_ORDERS, |_, _, _| ones(0.0)), (AT_EVENTS, |_, _, _| ones(0.0))],
        ),
        split(
            sum("UserErrors", "User Errors.", "Count").by(by),
            [(AT_ORDERS, |_, _, _| ones(0.0)), (AT_EVENTS, |_, _, _| ones(0.0))],
        ),
    ]
}

fn function() -> Vec<Native<Function>> {
    vec![
        plain(sum("FunctionExecutionCount", "Function Execution Count", "Count"), |f, a, b| {
            ones(f.invocations.count(a, b))
        }),
        // Megabyte-milliseconds.
        plain(sum("FunctionExecutionUnits", "Function Execution Units", "Count"), |f, a, b| {
            let milliseconds = f.invocations.count(a, b) * MILLISECONDS * f.duration.mean(a, b);
            one(milliseconds * f.memory_used.mean(a, b) / MEBIBYTE)
        }),
        plain(sum("Requests", "Requests", "Count"), |f, a, b| ones(f.invocations.count(a, b))),
        plain(sum("Http5xx", "Http Server Errors", "Count"), |f, a, b| ones(f.errors.count(a, b))),
        // Seconds, unlike most.
        plain(gauge("HttpResponseTime", "Response Time", "Seconds"), |f, a, b| {
            Sample::many(f.invocations.count(a, b), f.duration.mean(a, b))
        }),
        plain(gauge("MemoryWorkingSet", "Memory working set", "Bytes"), |f, a, b| {
            one(f.memory_used.mean(a, b))
        }),
        plain(gauge("InstanceCount", "Automatic Scaling Instance Count", "Count"), |f, a, b| {
            one((f.invocations.mean(a, b) * f.duration.mean(a, b)).ceil().max(1.0))
        }),
        plain(gauge("HealthCheckStatus", "Health check status", "Count").every(5 * MINUTE), |_, _, _| {
            one(PERCENT)
        }),
    ]
}

pub(super) fn add(estate: &Arc<Estate>, resources: &mut Vec<Resource>) {
    let name = "Microsoft.Network/applicationGateways";
    let mut kind = Kind::new(name, Estate::load_balancers, |it| &it.identity, gateway());
    kind.belongs = |balancer| balancer.layer == Layer::Application;
    kind.sku = |_| "WAF_v2";
    kind.add(estate, resources);

    let name = "Microsoft.Network/loadBalancers";
    let mut kind = Kind::new(name, Estate::load_balancers, |it| &it.identity, balancer());
    kind.belongs = |balancer| balancer.layer == Layer::Network;
    kind.add(estate, resources);

    let name = "Microsoft.ServiceBus/namespaces";
    Kind::new(name, Estate::queues, |it| &it.identity, service_bus()).add(estate, resources);

    let mut kind = Kind::new("Microsoft.Web/sites", Estate::functions, |it| &it.identity, function());
    kind.sku = |_| "Y1";
    kind.add(estate, resources);
}
