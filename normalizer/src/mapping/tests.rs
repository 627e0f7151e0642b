use std::collections::BTreeSet;

use super::*;

/// A mapping of one record; `{record}` is what stands under `- `, from line 9 on.
fn load(record: &str) -> Result<Mapping, ConfigError> {
    Mapping::load(&format!(
        "schema: isobar.mapping/v1\nnamespace: test\nvantage: guest\nresource:\n  provider: onprem\n  type: host\n  \
         native_id: instance\nmetrics:\n{record}"
    ))
}

/// Loads a record and expects it to be refused there, for a reason that holds `part`.
fn check_refused(record: &str, line: u32, column: u32, part: &str) {
    let error = load(record).unwrap_err();
    assert!(error.message.contains(part), "{error}");
    assert_eq!((error.line, error.column), (line, column), "{error}");
}

const EXAMPLE: &str = "    examples: [{given: [a 1 2], gives: [1@0s 2@10s]}]\n";

#[test]
fn the_embedded_mappings_hold() {
    let mappings = Mappings::builtin();
    let metrics: Vec<&str> = mappings.source_metrics().collect();
    assert!(
        metrics.contains(&"node_cpu_seconds_total") && metrics.contains(&"node_uname_info"),
        "{metrics:?}"
    );
    assert!(metrics.is_sorted());
    assert_eq!(mappings.iter().map(Mapping::namespace).collect::<Vec<_>>(), ["node_exporter", "prometheus"]);
}

#[test]
fn units_must_lead_to_the_canonical_unit() {
    let target = "  - to: system.disk.io.rate\n    from: a\n";
    check_refused(
        &format!("{target}    unit: By\n"),
        9,
        9,
        "system.disk.io.rate is measured in By/s, and the steps give By",
    );
    check_refused(&format!("{target}    unit: s\n    steps: [rate]\n"), 9, 9, "and the steps give 1");
    check_refused(&format!("{target}    unit: furlong\n"), 11, 11, "unknown unit \"furlong\"");
    let scaled = format!("{target}    unit: '{{sector}}'\n    steps: [rate, scale: {{factor: 512}}]\n");
    check_refused(&scaled, 9, 9, "and the steps give {sector}/s");
    let converted = "    steps: [rate, scale: {factor: 512, unit: 'By/{sector}'}]\n    examples: [{given: [a 0 100], gives: [5120@10s]}]\n";
    load(&format!("{target}    unit: '{{sector}}'\n{converted}")).unwrap();
}

#[test]
fn units_that_fit_are_converted() {
    load(
        "  - to: system.network.io.rate\n    from: a\n    unit: kbit/s\n    \
         examples: [{given: [a 8], gives: [1000@0s]}]\n",
    )
    .unwrap();
    let idle_percent = "  - to: system.cpu.utilization\n    from: a\n    unit: '%'\n    steps: [invert]\n";
    load(&format!("{idle_percent}    examples: [{{given: [a 80], gives: [0.2@0s]}}]\n")).unwrap();
}

#[test]
fn steps_out_of_order_are_refused() {
    let record = |steps: &str| {
        format!("  - to: system.uptime\n    from: a\n    unit: s\n    steps:\n{steps}{EXAMPLE}")
    };
    let check = |steps: &str, line, part: &str| check_refused(&record(steps), line, 9, part);
    check("      - rate\n      - filter: a=\"b\"\n", 14, "a filter stands before");
    check("      - sum: {without: [cpu]}\n      - rate\n", 14, "would hide its resets");
    check("      - sum: {by: [instance]}\n      - avg: {by: [instance]}\n", 14, "grouped once");
    check("      - difference: {from: b, unit: s}\n      - sum: {by: [instance]}\n", 14, "before a formula");
    check("      - difference: {from: b, unit: By}\n", 13, "By cannot be taken from s");
    check("      - ratio: {from: b, unit: s}\n      - ratio: {from: c, unit: s}\n", 14, "third");
    check("      - sum: {by: [a], without: [b]}\n", 13, "write by or without");
    check("      - invert\n", 13, "only a ratio can be inverted, and this is in s");
    check("      - scale: {factor: 0}\n", 13, "other than 0");
    check("      - filter: mode=idle\n", 13, "is not a matcher");
    let unknown = load(&record("      - median\n")).unwrap_err();
    assert_eq!((unknown.line, unknown.message.contains("median")), (13, true), "{unknown}");
}

#[test]
fn what_has_no_meaning_is_refused() {
    let record = |key: &str| format!("  - to: system.uptime\n    from: a\n    unit: s\n{key}");
    check_refused("  - to: system.uptimes\n    from: a\n    unit: s\n", 9, 9, "no canonical metric");
    check_refused(&record("    attributes: {cpu_mode: user}\n"), 9, 9, "has no attribute cpu_mode");
    check_refused(&record(""), 9, 9, "needs an example");
    check_refused(&record("    steps: [sum: {by: [job]}]\n"), 9, 9, "label instance is needed");
    check_refused(&record("    colour: red\n"), 12, 5, "colour");
    check_refused(&format!("{0}{1}{0}{1}", record(""), EXAMPLE), 13, 9, "mapped twice");
    let schema = Mapping::load(
        "schema: v2\nnamespace: x\nresource: {provider: onprem, type: host, native_id: i}\nmetrics: []\n",
    );
    assert_eq!(schema.unwrap_err().to_string(), "1:9: unknown schema \"v2\": write isobar.mapping/v1");
    let provider = Mapping::load(
        "schema: isobar.mapping/v1\nnamespace: x\nresource: {provider: moon, type: host, native_id: i}\nmetrics: []\n",
    );
    assert_eq!(provider.unwrap_err().line, 3);
    let service = Mapping::load(
        "schema: isobar.mapping/v1\nnamespace: x\nresource: {provider: onprem, type: host, native_id: i, service: s}\nmetrics: []\n",
    );
    assert!(service.unwrap_err().message.contains("name: {metric, label}"));
}

#[test]
fn examples_are_run() {
    let record = |example: &str| {
        format!("  - to: system.uptime\n    from: a\n    unit: s\n    examples: [{example}]\n")
    };
    load(&record("{given: [a 5], gives: [5@0s]}")).unwrap();
    check_refused(&record("{given: [a 5], gives: [6@0s]}"), 12, 39, "system.uptime gives {} 5@0ms");
    check_refused(&record("{given: [b 5], gives: [5@0s]}"), 12, 39, "gives nothing");
    check_refused(&record("{given: [a -5], gives: [-5@0s]}"), 12, 40, "-5 is no value of system.uptime");
    check_refused(&record("{given: [a x], gives: []}"), 12, 25, "is not a value");
}

#[test]
fn a_file_of_the_same_namespace_replaces_the_one_carried() {
    let own = Mapping::load(
        "schema: isobar.mapping/v1\nnamespace: node_exporter\nresource: {provider: onprem, type: host, native_id: node}\n\
         metrics:\n  - to: system.uptime\n    from: my_uptime\n    unit: ms\n    examples: [{given: [my_uptime 1500], gives: [1.5@0s]}]\n",
    );
    let mappings = Mappings::builtin().with(own.unwrap());
    assert_eq!(mappings.source_metrics().collect::<Vec<_>>(), ["my_uptime", "up"]);
}

/// Every researched row of the namespaces carried here, where this machine has the table.
#[test]
fn every_researched_row_is_mapped_as_researched() {
    let Some(rows) = crate::research::rows("metrics.csv") else { return };
    let mappings = Mappings::builtin();
    for mapping in mappings.iter() {
        let namespace = mapping.namespace();
        let of_namespace =
            rows.iter().filter(|row| row["provider"] == "prometheus" && row["namespace"] == namespace);
        let mut researched = BTreeSet::new();
        for row in of_namespace {
            let constants: BTreeSet<String> = row["attributes"]
                .split(';')
                .map(|one| {
                    one.split_once('=')
                        .map_or(String::new(), |(name, value)| format!("{}={value}", name.replace('.', "_")))
                })
                .collect();
            let record = mapping.records.iter().find(|record| {
                let ours = record.constants.iter().map(|(name, value)| format!("{name}={value}"));
                record.target.name() == row["canonical_name"] && ours.collect::<BTreeSet<_>>() == constants
            });
            let record =
                record.unwrap_or_else(|| panic!("{} {constants:?} is not mapped", row["canonical_name"]));
            let template = &row["statistic"];
            for branch in record.branches() {
                assert!(template.contains(&branch.metric), "{} is not in {template}", branch.metric);
                assert_eq!(template.contains("rate("), branch.counter == Some(Counter::Rate), "{template}");
                for filter in &branch.filters {
                    assert!(template.contains(&filter.to_string()), "{filter} is not in {template}");
                }
            }
            let formula = record.formula.as_ref().map(|(formula, _)| *formula);
            assert_eq!(template.contains(" / "), formula == Some(record::Formula::Ratio), "{template}");
            assert_eq!(
                template.contains("count by"),
                matches!(&record.left.group, Some(group) if group.fold == record::Fold::Count)
            );
            assert_eq!(
                template.contains("avg by"),
                matches!(&record.left.group, Some(group) if group.fold == record::Fold::Avg)
            );
            assert_eq!(mapping.resource.kind, row["resource_type"]);
            assert_eq!(mapping.resource.native_id, row["id_dimension"]);
            researched.insert((record.target.name(), constants));
        }
        assert_eq!(researched.len(), mapping.records.len(), "{namespace} maps what is not in the table");
    }
}
