//! Load balancers, NAT gateways, queues and functions.

use std::sync::Arc;

use super::{Group, MINUTE, Native, Series, gauge, native_id, seconds};
use crate::aws::statistic::Sample;
use crate::estate::{Estate, Function, LoadBalancer, Millis, NatGateway, Queue};

/// Milliseconds in a second.
const MILLISECONDS: f64 = 1e3;
/// Nodes a load balancer has here, one in each of two zones.
const NODES: f64 = 2.0;

fn unhealthy(balancer: &LoadBalancer, from: Millis, to: Millis) -> f64 {
    balancer.unhealthy.mean(from, to).round().min(balancer.hosts)
}

/// Source: docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html (2023-06).
/// Counts are published only when they are not zero.
const BALANCER: &[Native<LoadBalancer>] = &[
    Native { name: "RequestCount", unit: "Count", measure: |l, a, b| Sample::ones(l.requests.count(a, b)) },
    Native {
        name: "HTTPCode_Target_2XX_Count",
        unit: "Count",
        measure: |l, a, b| {
            let bad = l.errors_4xx.count(a, b) + l.errors_5xx.count(a, b);
            Sample::ones(l.requests.count(a, b) - bad)
        },
    },
    Native {
        name: "HTTPCode_Target_4XX_Count",
        unit: "Count",
        measure: |l, a, b| Sample::ones(l.errors_4xx.count(a, b)),
    },
    Native {
        name: "HTTPCode_Target_5XX_Count",
        unit: "Count",
        measure: |l, a, b| Sample::ones(l.errors_5xx.count(a, b)),
    },
    // Seconds, unlike most balancers.
    Native {
        name: "TargetResponseTime",
        unit: "Seconds",
        measure: |l, a, b| Sample::many(l.requests.count(a, b), l.latency.mean(a, b)),
    },
    // Every node observes its own connections: only Sum tells how many there are.
    Native {
        name: "ActiveConnectionCount",
        unit: "Count",
        measure: |l, a, b| {
            let connections = l.connections.mean(a, b).round();
            let each = connections / NODES;
            Some(Sample { count: NODES, sum: connections, min: each, max: each })
        },
    },
    Native {
        name: "NewConnectionCount",
        unit: "Count",
        measure: |l, a, b| Sample::ones(l.connections_new.count(a, b)),
    },
    // Both directions.
    Native {
        name: "ProcessedBytes",
        unit: "Bytes",
        measure: |l, a, b| gauge(l.network_in.count(a, b) + l.network_out.count(a, b)),
    },
];

/// These carry the target group as well. Same page.
const POOL: &[Native<LoadBalancer>] = &[
    Native {
        name: "HealthyHostCount",
        unit: "Count",
        measure: |l, a, b| gauge(l.hosts - unhealthy(l, a, b)),
    },
    Native { name: "UnHealthyHostCount", unit: "Count", measure: |l, a, b| gauge(unhealthy(l, a, b)) },
];

/// Source: docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway-cloudwatch.html (2023-06).
const NAT: &[Native<NatGateway>] = &[
    Native {
        name: "ActiveConnectionCount",
        unit: "Count",
        measure: |n, a, b| gauge(n.connections.mean(a, b).round()),
    },
    Native {
        name: "ConnectionEstablishedCount",
        unit: "Count",
        measure: |n, a, b| gauge(n.connections_new.count(a, b)),
    },
    Native {
        name: "ErrorPortAllocation",
        unit: "Count",
        measure: |n, a, b| gauge(n.port_errors.count(a, b)),
    },
    Native { name: "PacketsDropCount", unit: "Count", measure: |n, a, b| gauge(n.drops.count(a, b)) },
    // What comes from inside leaves to outside, and the other way round.
    Native { name: "BytesInFromSource", unit: "Bytes", measure: |n, a, b| gauge(n.out.count(a, b)) },
    Native { name: "BytesOutToDestination", unit: "Bytes", measure: |n, a, b| gauge(n.out.count(a, b)) },
    Native { name: "BytesInFromDestination", unit: "Bytes", measure: |n, a, b| gauge(n.back.count(a, b)) },
    Native { name: "BytesOutToSource", unit: "Bytes", measure: |n, a, b| gauge(n.back.count(a, b)) },
    Native {
        name: "PacketsInFromSource",
        unit: "Count",
        measure: |n, a, b| gauge(n.packets_out.count(a, b)),
    },
    Native {
        name: "PacketsInFromDestination",
        unit: "Count",
        measure: |n, a, b| gauge(n.packets_back.count(a, b)),
    },
];

/// Source: docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html (2023-06).
const QUEUE: &[Native<Queue>] = &[
    Native {
        name: "ApproximateNumberOfMessagesVisible",
        unit: "Count",
        measure: |q, a, b| gauge(q.depth.mean(a, b).round()),
    },
    Native {
        name: "ApproximateNumberOfMessagesNotVisible",
        unit: "Count",
        measure: |q, a, b| gauge(q.in_flight.mean(a, b).round()),
    },
    Native {
        name: "ApproximateAgeOfOldestMessage",
        unit: "Seconds",
        measure: |q, a, b| gauge(q.oldest_age.mean(a, b).round()),
    },
    Native { name: "NumberOfMessagesSent", unit: "Count", measure: |q, a, b| gauge(q.sent.count(a, b)) },
    Native {
        name: "NumberOfMessagesReceived",
        unit: "Count",
        measure: |q, a, b| gauge(q.received.count(a, b)),
    },
    Native {
        name: "NumberOfMessagesDeleted",
        unit: "Count",
        measure: |q, a, b| gauge(q.received.count(a, b)),
    },
];

/// Source: docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics.html (2023-06).
const FUNCTION: &[Native<Function>] = &[
    Native { name: "Invocations", unit: "Count", measure: |f, a, b| Sample::ones(f.invocations.count(a, b)) },
    // One observation per call, 1 for an error: Average is the error ratio, Sum the count.
    Native {
        name: "Errors",
        unit: "Count",
        measure: |f, a, b| {
            let (calls, errors) = (f.invocations.count(a, b), f.errors.count(a, b));
            (calls > 0.0).then_some(Sample { count: calls, sum: errors, min: 0.0, max: errors.min(1.0) })
        },
    },
    // Refused calls are in neither of the above.
    Native { name: "Throttles", unit: "Count", measure: |f, a, b| gauge(f.throttles.count(a, b)) },
    Native {
        name: "Duration",
        unit: "Milliseconds",
        measure: |f, a, b| Sample::many(f.invocations.count(a, b), MILLISECONDS * f.duration.mean(a, b)),
    },
    // As many at once as arrive while one runs.
    Native {
        name: "ConcurrentExecutions",
        unit: "Count",
        measure: |f, a, b| gauge((f.invocations.count(a, b) / seconds(a, b) * f.duration.mean(a, b)).ceil()),
    },
];

fn load_balancer(who: &LoadBalancer) -> (&'static str, String) {
    ("LoadBalancer", native_id(&who.identity))
}

pub(super) fn add(estate: &Arc<Estate>, series: &mut Vec<Series>) {
    let balancer = |metrics, dimensions: fn(&LoadBalancer) -> Vec<(&'static str, String)>| Group {
        namespace: "AWS/ApplicationELB",
        metrics,
        all: Estate::load_balancers,
        who: |balancer| &balancer.identity,
        dimensions,
        cadence: |_| MINUTE,
    };
    balancer(BALANCER, |it| vec![load_balancer(it)]).add(estate, series);
    balancer(POOL, |it| vec![load_balancer(it), ("TargetGroup", it.pool.clone())]).add(estate, series);
    Group {
        namespace: "AWS/NATGateway",
        metrics: NAT,
        all: Estate::nat_gateways,
        who: |gateway| &gateway.identity,
        dimensions: |gateway| vec![("NatGatewayId", native_id(&gateway.identity))],
        cadence: |_| MINUTE,
    }
    .add(estate, series);
    Group {
        namespace: "AWS/SQS",
        metrics: QUEUE,
        all: Estate::queues,
        who: |queue| &queue.identity,
        dimensions: |queue| vec![("QueueName", native_id(&queue.identity))],
        cadence: |_| MINUTE,
    }
    .add(estate, series);
    Group {
        namespace: "AWS/Lambda",
        metrics: FUNCTION,
        all: Estate::functions,
        who: |function| &function.identity,
        dimensions: |function| vec![("FunctionName", native_id(&function.identity))],
        cadence: |_| MINUTE,
    }
    .add(estate, series);
}
