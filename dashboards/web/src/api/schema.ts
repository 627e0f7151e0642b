/** Made from openapi.json by npm run api. */
export interface paths {
    "/api/isobar/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows this description. */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/alerts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists alerts. */
        get: operations["alerts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/alerts/acts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Does something about open alerts: takes them, gives them to somebody, comments on them, puts them off.
         * @description 409 when a filter lets more alerts through than were expected.
         */
        post: operations["act"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/alerts/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one alert. */
        get: operations["alert"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/coverage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what clouds deliver, mapped or kept raw. */
        get: operations["coverage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists deliveries, oldest first. */
        get: operations["deliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/deliveries/{id}/resend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Queues a dead delivery again, under the same idempotency key.
         * @description 409 when it is not dead.
         */
        post: operations["resend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Streams journalled events as they happen; with `Last-Event-ID`, or `after`, everything since that one first.
         * @description `id` is the sequence number, `event` the kind, `data` one `EventView`.
         */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/incidents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists incidents: open ones first, the worst of them first; then those of the last week, the last to end first. */
        get: operations["incidents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/incidents/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one incident with its alerts, and what happened to it. */
        get: operations["incident"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/incidents/{id}/acknowledge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Takes an incident, and its open alerts that nobody has.
         * @description 409 when it is resolved.
         */
        post: operations["acknowledge_incident"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/incidents/{id}/merge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Takes all alerts of another incident into this one, which is the answer. Correlation does not take them apart again.
         * @description 409 when one of them is resolved, or the other one stands for an outage.
         */
        post: operations["merge_incident"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/incidents/{id}/split": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Makes some alerts of an incident one of their own, which is the answer. Correlation does not join them again.
         * @description 409 when it is resolved, or an alert is not in it any more.
         */
        post: operations["split_incident"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/incidents/{id}/unacknowledge": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hands an incident back, and those of its alerts that whoever had it has.
         * @description 409 when it is resolved.
         */
        post: operations["unacknowledge_incident"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/journal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists journalled events, oldest first.
         * @description `total` counts those after `after`; with `q`, those among the next 50,000 events, so that a page may be short, or empty,
         *     and have a `next`.
         */
        get: operations["journal"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/lever": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows where the lever stands. */
        get: operations["lever"];
        /** Moves the lever. Once this is answered, nothing begins against it; a call that is under way is not called back. */
        put: operations["set_lever"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows the estate at a glance. */
        get: operations["overview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/receivers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists receivers in the order of the configuration, and how they do. */
        get: operations["receivers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/receivers/{name}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sends a test message, marked as one, by every way of a receiver.
         * @description 409 less than ten seconds after the last one.
         */
        post: operations["test_receiver"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replays a stretch of the journal under another configuration, other policies, or what runs; nothing is sent.
         * @description The configuration is taken up at `from` as a reload would; what differs from what was told then is shown receiver by
         *     receiver. The same request gives the same answer. A stretch is at most 31 days; 503 while another one is replayed.
         */
        post: operations["replay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/resources": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists known resources by id. */
        get: operations["resources"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/routes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows the routes in force. */
        get: operations["routes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/routes/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tells who would get an alert with these labels, or what another configuration would send elsewhere. */
        post: operations["preview_routes"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/runbooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists proposals, newest first. */
        get: operations["runbooks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/runbooks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one proposal. */
        get: operations["runbook"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/runbooks/{id}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Approves a proposal: the call is made, signed, under the proposal's id.
         * @description 409, with the reason, when it is decided, expired, or shows something else by now, when its evidence is not being read, and
         *     while the lever is off. Then nothing happens, and the journal says who tried.
         */
        post: operations["approve"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/runbooks/{id}/deny": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Denies a proposal.
         * @description 409 as for an approval.
         */
        post: operations["deny"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/silences": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists silences: active ones, the first to end first; pending ones; then the last that ended. */
        get: operations["silences"];
        put?: never;
        /**
         * Makes a silence, or changes the one whose id is given; where it cannot be changed in place that one ends, and the answer has
         *     another id.
         */
        post: operations["put_silence"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/silences/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Tells what a silence of these matchers would hide now, and would have hidden in the last 24 hours. */
        post: operations["preview_silence"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/silences/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one silence. */
        get: operations["silence"];
        put?: never;
        post?: never;
        /**
         * Ends a silence.
         * @description 409 when it is over already.
         */
        delete: operations["expire_silence"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/sources": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists configured sources by name. */
        get: operations["sources"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/sources/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one source with its parts. */
        get: operations["source"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/sql": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Runs one SELECT statement over the tables of the store. */
        post: operations["sql"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/isobar/v1/why": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells step by step why an alert paged, or did not. */
        get: operations["why"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What is said to an acknowledgement: that it is meant. */
        AcknowledgeRequest: Record<string, never>;
        /** @description What became of an act; it is on disk. */
        ActAnswer: {
            /**
             * Format: int64
             * @description How many alerts it changed: those that were so already are not counted.
             */
            affected: number;
            /** @description Ids of all that were open and meant. */
            ids: string[];
        };
        /** @description An act on alerts: on those named, or on all open ones that a filter lets through. */
        ActRequest: {
            /** @description What to do. */
            act: components["schemas"]["ActWord"];
            /**
             * Format: int64
             * @description How many alerts the filter was seen to let through: where they are more by now nothing is done.
             */
            expected?: number;
            /** @description Ids of alerts. */
            ids?: string[];
            /** @description What is said, kept as a comment. */
            note?: string;
            /** @description Instead of ids: a filter in the language of lists. */
            q?: string;
            /** @description Of `assign`: who gets them; empty takes it back. */
            to?: string;
            /** @description Of `snooze`: until when they are put off. */
            until?: components["schemas"]["WireTime"];
        };
        /**
         * @description What somebody does about alerts.
         * @enum {string}
         */
        ActWord: "acknowledge" | "unacknowledge" | "assign" | "comment" | "snooze" | "unsnooze";
        /**
         * @description What kind of trouble it is.
         * @enum {string}
         */
        AlertClass: "availability" | "latency" | "errors" | "saturation" | "capacity" | "data-protection" | "security" | "cost" | "change" | "self";
        /** @description A page of alerts. */
        AlertList: {
            /**
             * @description By the names of `facets`: the 50 most frequent values of each. A facet's own `=` and `!=` chips are not counted, so that a
             *     choice can be widened.
             */
            facets: {
                [key: string]: components["schemas"]["FacetCount"][];
            };
            /** @description The items, in the order asked for. */
            items: components["schemas"]["AlertView"][];
            /** @description Give it as `after` to get the next page; null on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description How many alerts match, on all pages together.
             */
            total: number;
        };
        /**
         * @description Where an alert stands.
         * @enum {string}
         */
        AlertState: "pending" | "firing" | "no_data" | "resolved";
        /** @description An alert: its state, and apart from it how it is handled. */
        AlertView: {
            /** @description Who acknowledged it, here or at the provider; null when nobody has. */
            acknowledged_by: string | null;
            /** @description Rendered annotations. */
            annotations: {
                [key: string]: string;
            };
            /** @description Who is to look after it; null when nobody is. */
            assigned_to: string | null;
            /** @description What kind of trouble. */
            class: components["schemas"]["AlertClass"];
            /** @description What people said of it, oldest first. */
            comments: components["schemas"]["CommentView"][];
            ends_at: components["schemas"]["WireTime"] | null;
            /** @description PromQL for the value that is compared; null when there is none. */
            expression: string | null;
            /** @description How wide it reaches. */
            failure_domain: components["schemas"]["FailureDomain"];
            /** @description Alertmanager's fingerprint of the identity labels: 16 hexadecimal digits. */
            fingerprint: string;
            /** @description Whether it begins and ends again and again. */
            flapping: boolean;
            /** @description Where its sender shows it; null where it was not sent, or the sender does not say. */
            generator_url: string | null;
            /** @description The fingerprint, as the path `alerts/{id}` takes it. */
            id: string;
            /** @description The incident it belongs to; null when it is in none. */
            incident: string | null;
            /** @description Fingerprints of the alerts that inhibit it. */
            inhibited_by: string[];
            /** @description Every label routing sees. */
            labels: {
                [key: string]: string;
            };
            /** @description The metric it is about: its canonical name, or the raw one's; null when it is about none. */
            metric: string | null;
            /** @description Names of the time intervals because of which nobody is told of it now. */
            muted_by: string[];
            /** @description The `alertname` label. */
            name: string;
            /** @description The provider's own alarms that it is, or that are folded into it. */
            native: components["schemas"]["NativeView"][];
            /** @description Ids of what was proposed because of it, oldest first. */
            proposals: string[];
            /** @description The resource it is about; null when it is about none or several. */
            resource: string | null;
            /** @description `critical`, `error`, `warning` or `info`. */
            severity: components["schemas"]["Severity"];
            /** @description Ids of the silences that hold it. */
            silenced_by: string[];
            snoozed_until: components["schemas"]["WireTime"] | null;
            /** @description Who reported it. */
            sources: string[];
            /** @description When it began, in event time. */
            starts_at: components["schemas"]["WireTime"];
            /** @description `pending`, `firing`, `no_data` or `resolved`. */
            state: components["schemas"]["AlertState"];
            threshold: components["schemas"]["ThresholdView"] | null;
            /**
             * Format: double
             * @description The value that decided the latest transition; null when there is none or it is not finite.
             */
            value: number | null;
            /** @description False when any evidence came over an unverified door. */
            verified: boolean;
        };
        /** @description One operation of a provider's API. */
        CallView: {
            /**
             * Format: int64
             * @description Units billed this month.
             */
            billed: number;
            /**
             * Format: int64
             * @description Requests this month.
             */
            calls: number;
            /** @description What is counted; null where it costs nothing. */
            unit: string | null;
            /**
             * Format: double
             * @description The price of one unit; null where it costs nothing.
             */
            unit_price: number | null;
            /** @description Its name. */
            what: string;
        };
        /** @description One region of one provider as one source sees it. */
        Cell: {
            /**
             * Format: int64
             * @description How many alerts are open there.
             */
            alerts: number;
            /**
             * Format: double
             * @description How far the region's data is behind now, in seconds.
             */
            lag_seconds: number | null;
            /** @description The provider. */
            provider: components["schemas"]["Provider"];
            /** @description Why it cannot be relied on. */
            reason: string | null;
            /** @description The region; empty where there is none. */
            region: string;
            severity: components["schemas"]["Severity"] | null;
            /** @description The source's name. */
            source: string;
            /** @description Whether what is shown can be relied on. */
            state: components["schemas"]["CellState"];
        };
        /**
         * @description Whether what is known of a region is fresh.
         * @enum {string}
         */
        CellState: "ok" | "nodata" | "stale" | "unknown";
        /** @description What would go elsewhere under another configuration. */
        ChangedAnswer: {
            /**
             * Format: int64
             * @description How many alerts were looked at.
             */
            alerts: number;
            /**
             * Format: int64
             * @description How many of them would go elsewhere.
             */
            changed: number;
            /** @description The alerts that would go elsewhere, at most 200. */
            moved: components["schemas"]["RouteChange"][];
            /** @description How many alerts each receiver gets. */
            receivers: components["schemas"]["ReceiverChange"][];
        };
        /** @description Something that was said of an alert. */
        CommentView: {
            /** @description When. */
            at: components["schemas"]["WireTime"];
            /** @description By whom. */
            by: string;
            /** @description What. */
            text: string;
        };
        /** @description What the collection itself costs. */
        CostView: {
            /**
             * Format: int64
             * @description Units the provider bills this month, in its own measure.
             */
            billed_units: number;
            /**
             * Format: int64
             * @description API calls this month.
             */
            calls: number;
            /** @description ISO 4217 code of the projected bill. */
            currency: string;
            /**
             * Format: double
             * @description Projected bill of the month.
             */
            projected_month: number;
        };
        /** @description How many statistics of metrics are delivered. */
        CoverageCounts: {
            /**
             * Format: int64
             * @description Those that feed a canonical metric.
             */
            mapped: number;
            /**
             * Format: int64
             * @description Those that are kept raw.
             */
            unmapped: number;
        };
        /** @description One statistic of one metric a cloud delivers, and a canonical metric it feeds. */
        CoverageView: {
            /** @description The canonical metric; null when it is kept raw. */
            canonical: string | null;
            /** @description The provider's metric. */
            metric: string;
            /** @description The provider's namespace. */
            namespace: string;
            /** @description Who measures. */
            provider: components["schemas"]["Provider"];
            /**
             * Format: int64
             * @description Of how many resources it came.
             */
            resources: number;
            /** @description From which sources. */
            sources: string[];
            /** @description The provider's statistic. */
            statistic: string;
            /** @description The unit of the canonical metric. */
            unit: string | null;
        };
        /** @description A decision about a proposal. */
        DecisionRequest: {
            /** @description What is to be said to it; kept in the journal. */
            comment?: string;
            /** @description The hash of the proposal as it was looked at. */
            hash: string;
        };
        /** @description Deliveries by state. */
        DeliveryCounts: {
            /**
             * Format: int64
             * @description Given up.
             */
            dead: number;
            /**
             * Format: int64
             * @description Waiting for another try.
             */
            failed: number;
            last_sent_at: components["schemas"]["WireTime"] | null;
            /**
             * Format: int64
             * @description Waiting to be sent for the first time.
             */
            queued: number;
            /**
             * Format: int64
             * @description Accepted by their receivers in the last hour.
             */
            sent_last_hour: number;
        };
        /**
         * @description Where a delivery stands.
         * @enum {string}
         */
        DeliveryState: "queued" | "sent" | "failed" | "dead";
        /**
         * @description What a delivery tells of its alerts.
         * @enum {string}
         */
        DeliveryTransition: "firing" | "acknowledged" | "resolved";
        /** @description One message to one receiver's channel. */
        DeliveryView: {
            /** @description Ids of the alerts it tells of, as far as that is remembered. */
            alerts: string[];
            /**
             * Format: int32
             * @description How often it was tried.
             */
            attempts: number;
            /** @description The channel, `pagerduty`, `email`, `webhook`. */
            channel: string;
            /** @description Its id. */
            id: string;
            /** @description The key every try carries, so that the receiver takes only one. */
            idempotency_key: string;
            /** @description The incident it is about; null when it is about alerts of none. */
            incident: string | null;
            /** @description What the latest failed try ran into; null when none failed. */
            last_error: string | null;
            next_attempt: components["schemas"]["WireTime"] | null;
            /** @description When it was first queued; the list is in this order. */
            queued_at: components["schemas"]["WireTime"];
            /** @description The receiver's name. */
            receiver: string;
            sent_at: components["schemas"]["WireTime"] | null;
            /** @description Where it stands. */
            state: components["schemas"]["DeliveryState"];
            /** @description What it tells. */
            transition: components["schemas"]["DeliveryTransition"];
        };
        /** @description Why a request failed. */
        ErrorBody: {
            /** @description The status in words: `not_found`, `bad_request`. */
            code: string;
            /** @description What is wrong and what would be right. */
            message: string;
        };
        /**
         * @description How the estate is.
         * @enum {string}
         */
        EstateState: "quiet" | "degraded" | "down" | "blind" | "starting";
        /** @description One event of the journal. The API passes events on as the journal writes them, so that an export can be verified. */
        EventView: {
            /** @description Who caused it. */
            actor: string;
            /** @description When it was written. */
            at: components["schemas"]["WireTime"];
            /** @description SHA-256 over `prev` and this event, hexadecimal. */
            hash: string;
            /** @description What kind of event. */
            kind: string;
            /** @description The whole record after the change, JSON in its exact bytes; absent where the bytes are no text. */
            payload?: string;
            /** @description In place of `payload`: hexadecimal. */
            payload_hex?: string;
            /** @description Hash of the event before, hexadecimal. */
            prev: string;
            /**
             * Format: int64
             * @description Its place in the journal; no number is left out but those of pruned events.
             */
            seq: number;
            /** @description Whose it is. */
            tenant: string;
        };
        /** @description One observation that speaks for an alert. */
        EvidenceView: {
            /** @description Event time of the observation. */
            at: components["schemas"]["WireTime"];
            /** @description What was observed. */
            detail: string;
            /** @description Who observed: `policy`, `native_alarm`; more words may come. */
            kind: string;
            /** @description Whether it came over a door that knows its senders. */
            verified: boolean;
        };
        /** @description One value, and how often it occurs. */
        FacetCount: {
            /**
             * Format: int64
             * @description In how many alerts.
             */
            count: number;
            /** @description The value. */
            value: string;
        };
        /**
         * @description How wide the trouble reaches.
         * @enum {string}
         */
        FailureDomain: "resource" | "zone" | "region" | "provider" | "edge";
        /**
         * @description How a stretch of time went for a source.
         * @enum {string}
         */
        Freshness: "full" | "partial" | "none" | "unknown";
        /** @description Alerts that would be hidden. */
        Hidden: {
            /**
             * Format: int64
             * @description How many of them are critical.
             */
            critical: number;
            /** @description Their most frequent names, at most 10. */
            names: components["schemas"]["NameCount"][];
            /**
             * Format: int64
             * @description How many.
             */
            total: number;
        };
        /** @description A part of a provider that fails as one. */
        IncidentCell: {
            /** @description The provider. */
            provider: string;
            /** @description The region. */
            region: string;
            /** @description The one kind of service, as the label `resource_type` has it; null where it is no such. */
            service: string | null;
            /** @description The one zone; null where it is the region. */
            zone: string | null;
        };
        /** @description One incident with its alerts, and what happened to it. */
        IncidentDetail: {
            /** @description Who has it; null when nobody does. */
            acknowledged_by: string | null;
            /**
             * Format: int64
             * @description How many alerts are in it.
             */
            alert_count: number;
            cell: components["schemas"]["IncidentCell"] | null;
            ends_at: components["schemas"]["WireTime"] | null;
            /** @description Its id. */
            id: string;
            /** @description Its alerts, the open ones first, and of these the worst; at most 500. */
            members: components["schemas"]["MemberView"][];
            /** @description The incident that its alerts went to; null where they are here. */
            merged_into: string | null;
            /**
             * Format: int64
             * @description How many of them are open.
             */
            open_count: number;
            outage: components["schemas"]["OutageView"] | null;
            /** @description Why it is one incident. */
            reason: string;
            /** @description The worst of its open alerts; when all are over, as it was last. */
            severity: components["schemas"]["Severity"];
            /** @description When the first of them began; of an outage, its onset. */
            starts_at: components["schemas"]["WireTime"];
            /** @description Where it stands. */
            state: components["schemas"]["IncidentState"];
            /** @description What happened, oldest first; the latest 500 entries. */
            timeline: components["schemas"]["TimelineView"][];
            /** @description In a line what it is about. */
            title: string;
            /** @description When it was last changed. */
            updated_at: components["schemas"]["WireTime"];
        };
        /**
         * @description Where an incident stands.
         * @enum {string}
         */
        IncidentState: "open" | "acknowledged" | "resolved";
        /** @description Alerts that belong together. */
        IncidentView: {
            /** @description Who has it; null when nobody does. */
            acknowledged_by: string | null;
            /**
             * Format: int64
             * @description How many alerts are in it.
             */
            alert_count: number;
            cell: components["schemas"]["IncidentCell"] | null;
            ends_at: components["schemas"]["WireTime"] | null;
            /** @description Its id. */
            id: string;
            /** @description The incident that its alerts went to; null where they are here. */
            merged_into: string | null;
            /**
             * Format: int64
             * @description How many of them are open.
             */
            open_count: number;
            outage: components["schemas"]["OutageView"] | null;
            /** @description Why it is one incident. */
            reason: string;
            /** @description The worst of its open alerts; when all are over, as it was last. */
            severity: components["schemas"]["Severity"];
            /** @description When the first of them began; of an outage, its onset. */
            starts_at: components["schemas"]["WireTime"];
            /** @description Where it stands. */
            state: components["schemas"]["IncidentState"];
            /** @description In a line what it is about. */
            title: string;
            /** @description When it was last changed. */
            updated_at: components["schemas"]["WireTime"];
        };
        /**
         * @description How far Isobar may go.
         * @enum {string}
         */
        LeverPosition: "off" | "propose";
        /** @description The lever moved. */
        LeverRequest: {
            /** @description `off`, or `propose`. */
            position: components["schemas"]["LeverPosition"];
            /** @description Why; not empty. */
            reason: string;
        };
        /** @description Where the switch over everything that acts stands. */
        LeverView: {
            /** @description `off`: nothing is proposed, approved or sent. */
            position: components["schemas"]["LeverPosition"];
            /** @description Why; null before anybody has. */
            reason: string | null;
            set_at: components["schemas"]["WireTime"] | null;
            /** @description Who moved it last; null before anybody has. */
            set_by: string | null;
        };
        /** @description One page of a list. */
        List_CoverageView: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["CoverageView"][];
            /** @description Give it as `after` to get the next page; null on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description How many items match `q`, on all pages together.
             */
            total: number;
        };
        /** @description One page of a list. */
        List_DeliveryView: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["DeliveryView"][];
            /** @description Give it as `after` to get the next page; null on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description How many items match `q`, on all pages together.
             */
            total: number;
        };
        /** @description One page of a list. */
        List_EventView: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["EventView"][];
            /** @description Give it as `after` to get the next page; null on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description How many items match `q`, on all pages together.
             */
            total: number;
        };
        /** @description One page of a list. */
        List_IncidentView: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["IncidentView"][];
            /** @description Give it as `after` to get the next page; null on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description How many items match `q`, on all pages together.
             */
            total: number;
        };
        /** @description One page of a list. */
        List_ProposalView: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["ProposalView"][];
            /** @description Give it as `after` to get the next page; null on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description How many items match `q`, on all pages together.
             */
            total: number;
        };
        /** @description One page of a list. */
        List_ReceiverView: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["ReceiverView"][];
            /** @description Give it as `after` to get the next page; null on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description How many items match `q`, on all pages together.
             */
            total: number;
        };
        /** @description One page of a list. */
        List_ResourceView: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["ResourceView"][];
            /** @description Give it as `after` to get the next page; null on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description How many items match `q`, on all pages together.
             */
            total: number;
        };
        /** @description One page of a list. */
        List_SilenceView: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["SilenceView"][];
            /** @description Give it as `after` to get the next page; null on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description How many items match `q`, on all pages together.
             */
            total: number;
        };
        /** @description One page of a list. */
        List_SourceView: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["SourceView"][];
            /** @description Give it as `after` to get the next page; null on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description How many items match `q`, on all pages together.
             */
            total: number;
        };
        /** @description One page of a list. */
        List_WhyStep: {
            /** @description The items, in the list's order. */
            items: components["schemas"]["WhyStep"][];
            /** @description Give it as `after` to get the next page; null on the last one. */
            next: string | null;
            /**
             * Format: int64
             * @description How many items match `q`, on all pages together.
             */
            total: number;
        };
        /** @description One condition on a label, as Alertmanager writes it. */
        MatcherView: {
            /** @description Whether it must match; otherwise it must not. */
            is_equal?: boolean;
            /** @description Whether it is an expression. */
            is_regex?: boolean;
            /** @description The label. */
            name: string;
            /** @description The text, or the expression that the whole value matches. */
            value: string;
        };
        /** @description One alert's part in an incident. */
        MemberView: {
            /** @description Whether a person put it here. */
            by_person: boolean;
            /** @description The alert's id. */
            id: string;
            /** @description When it joined. */
            joined_at: components["schemas"]["WireTime"];
            left_at: components["schemas"]["WireTime"] | null;
            /** @description The `alertname` label. */
            name: string;
            /** @description Why it is in this incident. */
            reason: string;
            /** @description The resource it is about; null when it is about none. */
            resource: string | null;
            /** @description How bad it is. */
            severity: components["schemas"]["Severity"];
        };
        /** @description The incident that is to be one with another. */
        MergeRequest: {
            /** @description Its id; it is over afterwards. */
            from: string;
        };
        /** @description A name, and how many alerts have it. */
        NameCount: {
            /**
             * Format: int64
             * @description In how many alerts.
             */
            count: number;
            /** @description The label `alertname`. */
            name: string;
        };
        /**
         * @description What a provider says of its own alarm.
         * @enum {string}
         */
        NativeState: "firing" | "unknown" | "ok";
        /** @description A provider's own alarm that an alert is made of. */
        NativeView: {
            /** @description The provider's identity for it. */
            id: string;
            /** @description Whether the provider holds its notifications back: then nobody is told because of it alone. */
            muted: boolean;
            /** @description As people named it at the provider. */
            name: string;
            /** @description Its severity in our words. */
            severity: components["schemas"]["Severity"];
            /** @description When it entered that state. */
            since: components["schemas"]["WireTime"];
            /** @description The source that reports it. */
            source: string;
            /** @description Its severity in the provider's own word; empty where it has none. */
            source_severity: string;
            /** @description What the provider says of it. */
            state: components["schemas"]["NativeState"];
            /** @description Where the provider's console shows it; empty when there is no such page. */
            url: string;
        };
        /** @description One thing that speaks for an outage. */
        OutageEvidence: {
            /** @description Since when. */
            at: components["schemas"]["WireTime"];
            /** @description `breadth`, `collectors`, `controls` or `notice`; two of one class count once. */
            class: string;
            /** @description In words and numbers. */
            detail: string;
        };
        /** @description What is found to be out. */
        OutageView: {
            /** @description What speaks against it, or could not be looked at. */
            against: string[];
            /** @description What is to blame: `provider`, or `uplink`, our own way out. */
            cause: string;
            ended_at: components["schemas"]["WireTime"] | null;
            /** @description What speaks for it. */
            evidence: components["schemas"]["OutageEvidence"][];
            /** @description When it was found. */
            found_at: components["schemas"]["WireTime"];
            /** @description How sure it is: `suspected`, or `confirmed` by the provider. */
            level: string;
            /** @description When it began. */
            onset: components["schemas"]["WireTime"];
        };
        /** @description The estate at a glance. */
        OverviewView: {
            cost: components["schemas"]["CostView"] | null;
            /** @description Open alerts by severity. */
            counts: components["schemas"]["SeverityCounts"];
            /** @description Deliveries by state. */
            deliveries: components["schemas"]["DeliveryCounts"];
            /** @description Provider by region, as each source sees it. */
            matrix: components["schemas"]["Cell"][];
            /** @description What the first sentence says, as parts to be put into any language. */
            sentence: components["schemas"]["Sentence"];
            /** @description Sources by state. */
            sources: components["schemas"]["SourceCounts"];
        };
        /** @description A part of a source that is collected on its own. */
        PartView: {
            /** @description A target's address and labels, an account and region. */
            key: string;
            /**
             * Format: double
             * @description How far that is behind now, in seconds.
             */
            lag_seconds: number | null;
            last_success: components["schemas"]["WireTime"] | null;
            /** @description When it is collected next, unless it was told to wait. */
            next_at: components["schemas"]["WireTime"];
            /** @description What is wrong; null while it is up. */
            reason: string | null;
            /**
             * Format: int64
             * @description Samples its latest collection brought.
             */
            samples_last_cycle: number;
            /** @description Whether it delivers. */
            state: components["schemas"]["SourceState"];
            watermark: components["schemas"]["WireTime"] | null;
        };
        /**
         * @description Where a proposal stands.
         * @enum {string}
         */
        ProposalState: "proposed" | "approved" | "denied" | "expired" | "refused" | "sending" | "sent" | "failed";
        /** @description What an alert asks to be done, and what became of it. */
        ProposalView: {
            /** @description What it is about. */
            alert: components["schemas"]["ProposedAlert"];
            /**
             * Format: int32
             * @description Tries begun.
             */
            attempts: number;
            /** @description What was said to the decision; null when nothing was. */
            comment: string | null;
            /** @description When it was made. */
            created_at: components["schemas"]["WireTime"];
            decided_at: components["schemas"]["WireTime"] | null;
            /** @description Who decided; null when nobody has. */
            decided_by: string | null;
            /** @description The idempotency key of the call, which is the id; null before the first try. */
            delivery: string | null;
            /** @description What the runbook does, in the operator's words; may be empty. */
            description: string;
            /** @description What speaks for it. */
            evidence: components["schemas"]["EvidenceView"][];
            /** @description Until when it can be decided. */
            expires_at: components["schemas"]["WireTime"];
            /**
             * @description SHA-256 over the canonical JSON (RFC 8785) of `{alert, description, evidence, runbook, target}` as they stand here. A
             *     decision names it, and counts only while it is this one.
             */
            hash: string;
            /** @description Its id; `webhook-id` of every try of the call. */
            id: string;
            /** @description What the latest failed try ran into; null when none failed, or one succeeded since. */
            last_error: string | null;
            next_attempt_at: components["schemas"]["WireTime"] | null;
            /** @description Why it stands where it stands; null while it waits for a decision. */
            reason: string | null;
            receipt: components["schemas"]["ReceiptView"] | null;
            /** @description The runbook's name. */
            runbook: string;
            /** @description Where it stands. `approved` waits to be sent, `sending` was tried and may have arrived. */
            state: components["schemas"]["ProposalState"];
            /** @description What is called. */
            target: components["schemas"]["TargetView"];
        };
        /** @description The alert a proposal is about, as it is shown. */
        ProposedAlert: {
            /** @description The alert's id. */
            id: string;
            /** @description Every label routing sees. */
            labels: {
                [key: string]: string;
            };
            /** @description The `alertname` label. */
            name: string;
            /** @description The resource it is about; null when it is about none or several. */
            resource: string | null;
            /** @description How bad it is. */
            severity: components["schemas"]["Severity"];
            /** @description When it began, in event time. */
            starts_at: components["schemas"]["WireTime"];
            /**
             * Format: double
             * @description The value that decided its latest transition; null when there is none.
             */
            value: number | null;
        };
        /**
         * @description Who runs a resource.
         * @enum {string}
         */
        Provider: "aws" | "azure" | "gcp" | "alibaba_cloud" | "huawei_cloud" | "onprem";
        /** @description The other side's answer. */
        ReceiptView: {
            /** @description When it came. */
            at: components["schemas"]["WireTime"];
            /** @description The beginning of the answer. */
            body: string;
            /**
             * Format: int32
             * @description HTTP status.
             */
            status: number;
        };
        /** @description How many alerts a receiver gets. */
        ReceiverChange: {
            /**
             * Format: int64
             * @description Then.
             */
            after: number;
            /**
             * Format: int64
             * @description Now.
             */
            before: number;
            /** @description The receiver. */
            receiver: string;
        };
        /** @description One way to tell a receiver. What is counted are the deliveries that are remembered. */
        ReceiverChannel: {
            /** @description `pagerduty`, `email`, `webhook` … */
            channel: string;
            /**
             * Format: int64
             * @description Deliveries that were given up.
             */
            dead: number;
            /**
             * Format: int64
             * @description Deliveries that failed and are tried again.
             */
            failed: number;
            /**
             * Format: int32
             * @description Its place in the list of its channel, from 0.
             */
            index: number;
            /** @description What the latest failed try ran into; null when none failed. */
            last_error: string | null;
            last_error_at: components["schemas"]["WireTime"] | null;
            last_sent_at: components["schemas"]["WireTime"] | null;
            /**
             * Format: int64
             * @description Deliveries that wait to be sent for the first time.
             */
            queued: number;
            /**
             * Format: int64
             * @description Deliveries that were sent within the last hour.
             */
            sent_last_hour: number;
            /**
             * @description Where it leads: a host, or mail addresses; never what may be a secret, as paths are. Null while a changed configuration is put
             *     into effect.
             */
            target: string | null;
        };
        /** @description A receiver, and how its channels do. */
        ReceiverView: {
            /** @description The ways it is told; none where it swallows alerts. */
            channels: components["schemas"]["ReceiverChannel"][];
            /** @description Its name. */
            name: string;
            /**
             * Format: int64
             * @description Routes that end at it; none means nobody is ever told there.
             */
            routes: number;
        };
        /** @description One alert of a message. */
        ReplayAlert: {
            /** @description Its fingerprint, 16 hex digits. */
            id: string;
            /** @description The `alertname` label. */
            name: string;
            /** @description Severity when it is told. */
            severity: components["schemas"]["Severity"];
            /** @description `firing` or `resolved`. */
            transition: string;
        };
        /** @description A message that would be another. */
        ReplayChange: {
            /** @description As it would be. */
            now: components["schemas"]["ReplayMessage"];
            /** @description As it was. */
            then: components["schemas"]["ReplayMessage"];
        };
        /** @description A notification on one way to its receiver. */
        ReplayMessage: {
            /** @description What it is about. */
            alerts: components["schemas"]["ReplayAlert"][];
            /** @description When it is decided. */
            at: components["schemas"]["WireTime"];
            /** @description `pagerduty`, `email`, `webhook` … */
            channel: string;
            /** @description Alertmanager's group key. */
            group_key: string;
            /** @description The labels that make the group. */
            group_labels: {
                [key: string]: string;
            };
            /**
             * Format: int32
             * @description Its place in the receiver's list of that channel, from 0.
             */
            index: number;
            /** @description Why, in Alertmanager's words. */
            reason: string;
            /** @description `firing` while anything is open, or `resolved`. */
            transition: string;
        };
        /** @description What one receiver was told then, and would be told now. */
        ReplayReceiver: {
            /** @description Those told now only, the first 500. */
            added: components["schemas"]["ReplayMessage"][];
            /**
             * Format: int64
             * @description How many are told now only.
             */
            added_total: number;
            /** @description Those that are another, the first 500. */
            changed: components["schemas"]["ReplayChange"][];
            /**
             * Format: int64
             * @description How many are told at another time, or about other alerts as well.
             */
            changed_total: number;
            /**
             * Format: int64
             * @description Messages now.
             */
            now: number;
            /** @description Its name. */
            receiver: string;
            /** @description Those told then only, the first 500. */
            removed: components["schemas"]["ReplayMessage"][];
            /**
             * Format: int64
             * @description How many were told then only.
             */
            removed_total: number;
            /**
             * Format: int64
             * @description Messages that say the same at the same time.
             */
            same: number;
            /**
             * Format: int64
             * @description Messages then.
             */
            then: number;
        };
        /** @description What is asked. Of what is left out, what runs holds. */
        ReplayRequest: {
            /** @description A whole configuration in Alertmanager's grammar, YAML, to route and group by. */
            alerting?: string | null;
            /** @description Begin of the stretch. */
            from: components["schemas"]["WireTime"];
            /** @description A policy file, YAML, whose policies are evaluated over what is stored in the place of what policies said then. */
            policies?: string | null;
            /** @description Silences in the place of all there were. */
            silences?: components["schemas"]["ReplaySilence"][] | null;
            /** @description The files of templates that `alerting` names, by pattern and file name; patterns of the configuration in force need none. */
            templates?: {
                [key: string]: {
                    [key: string]: string;
                };
            } | null;
            /** @description End of it, exclusive. */
            to: components["schemas"]["WireTime"];
        };
        /** @description A silence to try. */
        ReplaySilence: {
            ends_at?: components["schemas"]["WireTime"] | null;
            /** @description As amtool writes them, `team=db, severity=~"info|warning"`. */
            matchers: string;
            starts_at?: components["schemas"]["WireTime"] | null;
        };
        /** @description What was told then, what would be told now, and what differs. Nothing was sent. */
        ReplayView: {
            /**
             * Format: int64
             * @description How many recorded events were run again.
             */
            events: number;
            /** @description Begin of the stretch. */
            from: components["schemas"]["WireTime"];
            /** @description What could not be known, in words. */
            notes: string[];
            /**
             * Format: int64
             * @description Messages now, to all receivers.
             */
            now: number;
            /** @description Every receiver that is told anything, then or now, by name. */
            receivers: components["schemas"]["ReplayReceiver"][];
            /**
             * Format: int64
             * @description Messages then, to all receivers.
             */
            then: number;
            /** @description End of it, exclusive. */
            to: components["schemas"]["WireTime"];
        };
        /** @description What is said to a resend: that it is meant. */
        ResendRequest: Record<string, never>;
        /** @description A resource as last seen. */
        ResourceView: {
            /** @description Account, subscription or project; may be empty. */
            account: string;
            /** @description `provider:account:region:type:native-id`. */
            id: string;
            /** @description When a source last saw it. */
            last_seen: components["schemas"]["WireTime"];
            /** @description Name as people know it; empty when unknown. */
            name: string;
            /** @description The provider's own id. */
            native_id: string;
            /** @description Who runs it. */
            provider: components["schemas"]["Provider"];
            /** @description Region; may be empty. */
            region: string;
            /** @description The service it belongs to; empty when unknown. */
            service: string;
            /** @description Tags as the source has them. */
            tags: {
                [key: string]: string;
            };
            /** @description Type, `compute.instance`. */
            type: string;
            /** @description Availability zone; empty when unknown. */
            zone: string;
        };
        /** @description An alert that would go elsewhere. */
        RouteChange: {
            /** @description Who would. */
            after: string[];
            /** @description Who gets it now. */
            before: string[];
            /** @description The alert's id. */
            id: string;
            /** @description Every label routing sees. */
            labels: {
                [key: string]: string;
            };
            /** @description Its name. */
            name: string;
            /** @description How bad it is. */
            severity: components["schemas"]["Severity"];
        };
        /** @description The answer to one of both. */
        RoutePreview: components["schemas"]["WhoAnswer"] | components["schemas"]["ChangedAnswer"];
        /** @description What is to be previewed: `labels`, or `config`. */
        RoutePreviewRequest: {
            /**
             * @description A whole configuration in Alertmanager's grammar, YAML: what would go elsewhere. It may name the templates of the one in force.
             * @default null
             */
            config: string;
            /**
             * Format: int64
             * @description Of `config`: of the alerts of so many hours, 1 to 24; 24 where it is absent.
             * @default null
             */
            hours: number;
            /**
             * @description Who would get an alert with these labels.
             * @default null
             */
            labels: {
                [key: string]: string;
            };
        };
        /** @description What one route said. */
        RouteStep: {
            /** @description The condition that refused; or whether its receiver is told, or that of a route under it. */
            detail: string;
            /** @description Whether its conditions hold. */
            is_match: boolean;
            /** @description Where it stands. */
            place: string;
            /** @description Its receiver. */
            receiver: string;
        };
        /** @description One route. */
        RouteView: {
            /** @description Names of the time intervals outside of which it is muted; none means never. */
            active_intervals: string[];
            /**
             * Format: int64
             * @description Open alerts that end here.
             */
            alerts: number;
            /** @description Whether later siblings are tried after this one matched. */
            continue: boolean;
            /** @description Labels that make a group; `...` alone stands for all of them. */
            group_by: string[];
            /**
             * Format: double
             * @description How long a group that was looked at rests, in seconds.
             */
            group_interval: number;
            /**
             * Format: double
             * @description How long a new group waits for company, in seconds.
             */
            group_wait: number;
            /** @description Its own conditions, as they are written; all must match. */
            matchers: string[];
            /** @description Names of the time intervals in which it is muted. */
            mute_intervals: string[];
            /** @description Where it stands: `route`, `route.routes[0]` … */
            place: string;
            /** @description Who is told. */
            receiver: string;
            /**
             * Format: double
             * @description How long an unchanged group stays quiet, in seconds.
             */
            repeat_interval: number;
            /** @description Tried in order. */
            routes: components["schemas"]["RouteView"][];
        };
        /** @description The routes in force. */
        RoutingView: {
            /** @description The configuration in force as YAML, secrets as `<secret>`. */
            config: string;
            /** @description The root, which takes every alert. */
            route: components["schemas"]["RouteView"];
        };
        /** @description The parts of the first sentence. */
        Sentence: {
            /**
             * Format: int64
             * @description How many alerts are open there.
             */
            alerts: number;
            /** @description Where it is worst; null when nothing is open, or it is nowhere in particular. */
            provider: string | null;
            /** @description The region there; null when it is several. */
            region: string | null;
            /**
             * Format: int64
             * @description Of how many resources.
             */
            resources: number;
            since: components["schemas"]["WireTime"] | null;
            /** @description What it is about. */
            state: components["schemas"]["EstateState"];
        };
        /**
         * @description How bad it is, mildest first.
         * @enum {string}
         */
        Severity: "info" | "warning" | "error" | "critical";
        /** @description Open alerts by severity. */
        SeverityCounts: {
            /**
             * Format: int64
             * @description Users are hurt now.
             */
            critical: number;
            /**
             * Format: int64
             * @description Something does not work.
             */
            error: number;
            /**
             * Format: int64
             * @description Worth knowing.
             */
            info: number;
            /**
             * Format: int64
             * @description Will become a problem.
             */
            warning: number;
        };
        /** @description What a silence of these matchers would hide. */
        SilencePreview: {
            /** @description Of the alerts that are open. */
            now: components["schemas"]["Hidden"];
            /** @description Of those that began in the last 24 hours. */
            past: components["schemas"]["Hidden"];
        };
        /** @description Matchers whose effect is asked for. */
        SilencePreviewRequest: {
            /** @description All must match. */
            matchers: components["schemas"]["MatcherView"][];
        };
        /** @description A silence as it is asked for. */
        SilenceRequest: {
            /** @description Whatever else. */
            annotations?: {
                [key: string]: string;
            };
            /** @description Why; not empty. */
            comment: string;
            /** @description When it is over, at the latest. */
            ends_at: components["schemas"]["WireTime"];
            /** @description The silence it is to replace; absent for a new one. */
            id?: string;
            /** @description All must match; at least one does not match the empty text. */
            matchers: components["schemas"]["MatcherView"][];
            /** @description The windows in which it is active, as in Alertmanager's time intervals. */
            recurrence?: Record<string, never>[];
            /** @description When it begins; at once where it is absent. */
            starts_at?: components["schemas"]["WireTime"];
            /** @description Whether it is over with the last alert that it silences. */
            until_resolved?: boolean;
        };
        /** @description A silence: alerts that all its matchers match are told to nobody while it is active. */
        SilenceView: {
            /** @description Whatever else its maker noted. */
            annotations: {
                [key: string]: string;
            };
            /** @description Why. */
            comment: string;
            /** @description Who made it. */
            created_by: string;
            /** @description When it is over, at the latest. */
            ends_at: components["schemas"]["WireTime"];
            /**
             * Format: int64
             * @description How many open alerts it holds now.
             */
            hides: number;
            /** @description Its id, a UUID. */
            id: string;
            /** @description All must match. */
            matchers: components["schemas"]["MatcherView"][];
            /** @description The windows in which it is active, as in Alertmanager's time intervals; always where there is none. */
            recurrence: Record<string, never>[];
            /** @description When it begins. */
            starts_at: components["schemas"]["WireTime"];
            /** @description `pending`, `active` or `expired`. */
            state: string;
            /** @description Whether it is over as soon as no alert is open any more that it silences. */
            until_resolved: boolean;
            /** @description When it was last changed. */
            updated_at: components["schemas"]["WireTime"];
        };
        /** @description Sources by state. */
        SourceCounts: {
            /**
             * Format: int64
             * @description Those that deliver in part.
             */
            degraded: number;
            /**
             * Format: int64
             * @description Those that do not.
             */
            down: number;
            /**
             * Format: int64
             * @description Those that deliver.
             */
            up: number;
        };
        /** @description A source and its parts. */
        SourceDetail: {
            /** @description What was called this month. */
            calls: components["schemas"]["CallView"][];
            cost: components["schemas"]["CostView"] | null;
            coverage: components["schemas"]["CoverageCounts"] | null;
            /** @description How the last hour went, in blocks of two minutes, the oldest first. */
            freshness: components["schemas"]["Freshness"][];
            /** @description Its kind, `prometheus`. */
            kind: string;
            /**
             * Format: double
             * @description How far its watermark is behind now, in seconds; null before the first sample.
             */
            lag_seconds: number | null;
            last_success: components["schemas"]["WireTime"] | null;
            /** @description Its configured name. */
            name: string;
            /** @description Targets, regions, or what else is collected on its own. */
            parts: components["schemas"]["PartView"][];
            /** @description What is wrong; null while it is up. */
            reason: string | null;
            /**
             * Format: int64
             * @description Samples the latest cycle brought.
             */
            samples_last_cycle: number;
            /** @description Whether it delivers. */
            state: components["schemas"]["SourceState"];
        };
        /**
         * @description Whether a source delivers.
         * @enum {string}
         */
        SourceState: "up" | "degraded" | "down" | "disabled";
        /** @description A configured source and how it does. */
        SourceView: {
            cost: components["schemas"]["CostView"] | null;
            /** @description Its kind, `prometheus`. */
            kind: string;
            /**
             * Format: double
             * @description How far its watermark is behind now, in seconds; null before the first sample.
             */
            lag_seconds: number | null;
            last_success: components["schemas"]["WireTime"] | null;
            /** @description Its configured name. */
            name: string;
            /** @description What is wrong; null while it is up. */
            reason: string | null;
            /**
             * Format: int64
             * @description Samples the latest cycle brought.
             */
            samples_last_cycle: number;
            /** @description Whether it delivers. */
            state: components["schemas"]["SourceState"];
        };
        /** @description Alerts that are to be an incident of their own. */
        SplitRequest: {
            /** @description Their ids: some of the incident's alerts, not all. */
            alerts: string[];
        };
        /** @description The rows of a statement. */
        SqlAnswer: {
            /** @description Columns in order. */
            columns: components["schemas"]["SqlColumn"][];
            /** @description Rows, each with one value per column. */
            rows: unknown[][];
            /** @description Whether rows over the limit were cut off. */
            truncated: boolean;
        };
        /** @description A column of an answer. */
        SqlColumn: {
            /** @description Its name. */
            name: string;
            /** @description Arrow's word for its type. */
            type: string;
        };
        /** @description What is asked. */
        SqlRequest: {
            /** @description One SELECT statement. */
            statement: string;
        };
        /** @description What is called. */
        TargetView: {
            /** @description The HTTP method. */
            method: string;
            /** @description The URL. */
            url: string;
        };
        /** @description How a test of a receiver went. */
        TestAnswer: {
            /** @description Each channel, in order. */
            results: components["schemas"]["TestResult"][];
        };
        /** @description What is said to a test: that it is meant. */
        TestRequest: Record<string, never>;
        /** @description How a test of one channel went. */
        TestResult: {
            /** @description `pagerduty`, `email`, `webhook` … */
            channel: string;
            /** @description What went wrong there, or what the receiver answered. */
            detail: string;
            /**
             * Format: int32
             * @description Its place in the list of its channel, from 0.
             */
            index: number;
            /** @description Whether the receiver has taken the message. */
            is_taken: boolean;
            /** @description How far it came: `config`, `render`, `connect`, `send` or `answer`. */
            stage: string;
            /** @description What was looked at, in order. */
            stages: components["schemas"]["TestStep"][];
        };
        /** @description One stage of a test of one channel. */
        TestStep: {
            /** @description Whether it is in order. */
            is_ok: boolean;
            /** @description `config`, `render`, `connect`, `send` or `answer`. */
            stage: string;
            /**
             * Format: int64
             * @description How long it took, in milliseconds; null for what is counted with the last stage: writing, sending and being answered are one
             *     call.
             */
            took_ms: number | null;
        };
        /** @description Beyond what a value meets a level. */
        ThresholdView: {
            /** @description The level it belongs to. */
            level: components["schemas"]["Severity"];
            /** @description `>`, `>=`, `<`, `<=`, `==` or `!=`. */
            operator: string;
            /** @description The metric's unit, UCUM; empty where it is not known. */
            unit: string;
            /**
             * Format: double
             * @description In the unit.
             */
            value: number;
        };
        /** @description Something that happened to an incident. */
        TimelineView: {
            /** @description Who did it; null where nobody did. */
            actor: string | null;
            /** @description The alert's id; null where it is about none. */
            alert: string | null;
            /** @description When. */
            at: components["schemas"]["WireTime"];
            /** @description The delivery's id; null where it is about none. */
            delivery: string | null;
            /** @description In words; may be empty. */
            detail: string;
            /** @description `alert`, `notice`, `incident`, `person` or `delivery`. */
            kind: string;
            /** @description The alert's name, the provider, the incident's title, the receiver. */
            subject: string;
            /**
             * @description In one word: `firing`, `resolved`, `severity`; `notice`; `opened`, `joined`, `merge`, `split`, `suspected`, `confirmed`, `ended`; an act;
             *     `sent`, `failed`, `dead`. More words may come.
             */
            what: string;
        };
        /** @description A receiver that is told. */
        ToldView: {
            /** @description Labels that make the group. */
            group_by: string[];
            /** @description Names of the time intervals because of which it is not told now. */
            muted_by: string[];
            /** @description The route that leads to it. */
            place: string;
            /** @description The receiver. */
            receiver: string;
        };
        /** @description Who would get an alert. */
        WhoAnswer: {
            /** @description Fingerprints of the alerts that would inhibit it. */
            inhibited_by: string[];
            /** @description Every route that was asked, in order. */
            path: components["schemas"]["RouteStep"][];
            /** @description Who would be told. */
            receivers: components["schemas"]["ToldView"][];
            /** @description Ids of the silences that would hold it. */
            silenced_by: string[];
        };
        /** @description One step on the way from a value to a page, or to none. */
        WhyStep: {
            at: components["schemas"]["WireTime"] | null;
            /** @description In words an operator reads. */
            detail: string;
            /** @description What decided: the policy, the route, the group, the receiver; empty when the stage has none. */
            rule: string;
            /** @description `evaluate`, `fold`, `route`, `group`, `notify`, `deliver`; more words may come. */
            stage: string;
            /**
             * @description What the stage decided, in one word: the alert's state, or a folded one's own; `chosen`, `passed`, `refused`; `waiting`; `told`; the
             *     delivery's state.
             */
            verdict: string;
        };
        /**
         * Format: date-time
         * @description A point in time: RFC 3339, UTC, milliseconds.
         * @example 2026-03-01T12:00:00.000Z
         */
        WireTime: string;
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenAPI 3.1. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    alerts: {
        parameters: {
            query?: {
                /** @description `key op value` and free words, by blanks: `@severity=critical @region!=us-east-1 @age>15m checkout`. docs/web.md describes it. */
                q?: string;
                /** @description `open` (all but resolved) or `all` (the default). */
                state?: string;
                /** @description `id` (the default), `severity`, `name`, `where`, `since` or `value`; with - before it the other way round. */
                sort?: string;
                /** @description Fields and labels whose values are counted, with commas between them: `@severity,team`. */
                facets?: string;
                /** @description Items on the page at most. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertList"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    act: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ActRequest"];
            };
        };
        responses: {
            /** @description Done, and on disk. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ActAnswer"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    alert: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the alert's id: its fingerprint */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The alert. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AlertView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    coverage: {
        parameters: {
            query?: {
                /** @description Words with blanks between them: what contains each of them, in capitals or not, is listed. */
                q?: string;
                /** @description Items on the page at most. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_CoverageView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deliveries: {
        parameters: {
            query?: {
                /** @description Words with blanks between them: what contains each of them, in capitals or not, is listed. */
                q?: string;
                /** @description Items on the page at most. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_DeliveryView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    resend: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the delivery's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResendRequest"];
            };
        };
        responses: {
            /** @description Queued. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description the same, for a first connection */
                after?: string;
            };
            header?: {
                /** @description sequence number of the last event received */
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Server-sent events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    incidents: {
        parameters: {
            query?: {
                /** @description `open` (all but resolved), `resolved` or `all` (the default). */
                state?: string;
                /** @description Words with blanks between them: what contains each of them, in capitals or not, is listed. */
                q?: string;
                /** @description Items on the page at most. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_IncidentView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    incident: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the incident's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The incident. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IncidentDetail"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    acknowledge_incident: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the incident's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AcknowledgeRequest"];
            };
        };
        responses: {
            /** @description Taken, and on disk. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IncidentView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    merge_incident: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the incident's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MergeRequest"];
            };
        };
        responses: {
            /** @description Merged, and on disk. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IncidentView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    split_incident: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the incident's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SplitRequest"];
            };
        };
        responses: {
            /** @description Split, and on disk. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IncidentView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    unacknowledge_incident: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the incident's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AcknowledgeRequest"];
            };
        };
        responses: {
            /** @description Handed back, and on disk. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IncidentView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    journal: {
        parameters: {
            query?: {
                /** @description Words with blanks between them: events whose kind, actor and payload contain each of them are listed. */
                q?: string;
                /** @description Events on the page at most. */
                limit?: number;
                /** @description A sequence number, as `next` of the page before; 0, and nothing, are before the first event. */
                after?: string;
                /**
                 * @description `ndjson` is every event after `after`, one a line, as `isobar audit verify` reads them; it takes no `q` and no
                 *     `limit`.
                 */
                format?: "json" | "ndjson";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page, or all events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_EventView"];
                    "application/x-ndjson": string;
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    lever: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The lever. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LeverView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    set_lever: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LeverRequest"];
            };
        };
        responses: {
            /** @description Moved, and on disk. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LeverView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    overview: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The estate. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OverviewView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    receivers: {
        parameters: {
            query?: {
                /** @description Words with blanks between them: what contains each of them, in capitals or not, is listed. */
                q?: string;
                /** @description Items on the page at most. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ReceiverView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    test_receiver: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the receiver's name */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TestRequest"];
            };
        };
        responses: {
            /** @description How it went. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TestAnswer"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    replay: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReplayRequest"];
            };
        };
        responses: {
            /** @description What differs. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplayView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    resources: {
        parameters: {
            query?: {
                /** @description Words with blanks between them: what contains each of them, in capitals or not, is listed. */
                q?: string;
                /** @description Items on the page at most. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ResourceView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    routes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The routes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RoutingView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    preview_routes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RoutePreviewRequest"];
            };
        };
        responses: {
            /** @description What the routes would do. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RoutePreview"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    runbooks: {
        parameters: {
            query?: {
                /** @description Words with blanks between them: what contains each of them, in capitals or not, is listed. */
                q?: string;
                /** @description Items on the page at most. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_ProposalView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    runbook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the proposal's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The proposal. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProposalView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    approve: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the proposal's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DecisionRequest"];
            };
        };
        responses: {
            /** @description Approved, and on disk. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProposalView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    deny: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the proposal's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DecisionRequest"];
            };
        };
        responses: {
            /** @description Denied, and on disk. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProposalView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    silences: {
        parameters: {
            query?: {
                /** @description Words with blanks between them: what contains each of them, in capitals or not, is listed. */
                q?: string;
                /** @description Items on the page at most. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_SilenceView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    put_silence: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SilenceRequest"];
            };
        };
        responses: {
            /** @description Made, and on disk. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SilenceView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    preview_silence: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SilencePreviewRequest"];
            };
        };
        responses: {
            /** @description The effect. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SilencePreview"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    silence: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the silence's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The silence. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SilenceView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    expire_silence: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the silence's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ended, and on disk. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SilenceView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    sources: {
        parameters: {
            query?: {
                /** @description Words with blanks between them: what contains each of them, in capitals or not, is listed. */
                q?: string;
                /** @description Items on the page at most. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_SourceView"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    source: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the source's configured name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The source. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SourceDetail"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    sql: {
        parameters: {
            query?: {
                /** @description How the rows are written; without it the `Accept` header decides, and JSON is the default. */
                format?: "json" | "csv" | "arrow";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SqlRequest"];
            };
        };
        responses: {
            /** @description The rows. */
            200: {
                headers: {
                    /** @description whether rows over the limit were cut off, in whatever form */
                    "isobar-truncated"?: boolean;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SqlAnswer"];
                    "text/csv": string;
                    "application/vnd.apache.arrow.stream": string;
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
    why: {
        parameters: {
            query: {
                /** @description the alert's id */
                alert: string;
                /** @description Words with blanks between them: what contains each of them, in capitals or not, is listed. */
                q?: string;
                /** @description Items on the page at most. */
                limit?: number;
                /** @description `next` of the page before. */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_WhyStep"];
                };
            };
            /** @description Refused: what is wrong and what would be right. */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorBody"];
                };
            };
        };
    };
}
