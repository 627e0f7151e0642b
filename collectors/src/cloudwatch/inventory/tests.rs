//! From ARNs and tags to resources.

use aws_sdk_resourcegroupstagging::types::Tag;

use super::*;

const PLACE: Place<'static> = Place { account: "123456789012", region: "us-east-1" };

fn resources(arn: &str, tags: &[(&str, &str)]) -> Vec<Resource> {
    let mut tagged = ResourceTagMapping::builder().resource_arn(arn);
    for (key, value) in tags {
        tagged = tagged.tags(Tag::builder().key(*key).value(*value).build().unwrap());
    }
    let filter = TagFilter::default();
    let now = Timestamp::from_millis(1);
    resources_of(PLACE, &tagged.build(), &NativeMappings::builtin(), &filter, now)
}

#[track_caller]
fn check(arn: &str, tags: &[(&str, &str)], expected: (&str, &str, &str, &str)) {
    let found = resources(arn, tags);
    let [one] = &found[..] else { panic!("{arn}: {found:?}") };
    let (_, _, _, kind, native) = one.id.parts();
    assert_eq!((kind, native, one.name.as_str(), one.service.as_str()), expected);
}

#[test]
fn resources_are_known_by_their_arns() {
    let ec2 = "arn:aws:ec2:us-east-1:123456789012:";
    let elb = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer";
    check(
        &format!("{ec2}instance/i-1"),
        &[("Name", "web-1"), ("Application", "shop")],
        ("compute.instance", "i-1", "web-1", "shop"),
    );
    check(&format!("{ec2}volume/vol-1"), &[], ("compute.disk", "vol-1", "", ""));
    check(&format!("{elb}/app/shop/0a1b"), &[], ("lb.application", "app/shop/0a1b", "shop", ""));
    check(&format!("{elb}/net/edge/0a1b"), &[], ("lb.network", "net/edge/0a1b", "edge", ""));
    check(
        "arn:aws:rds:us-east-1:123456789012:db:orders",
        &[("app", "a"), ("service", "b")],
        ("db.relational", "orders", "orders", "b"),
    );
    check("arn:aws:s3:::logs", &[], ("storage.object", "logs", "logs", ""));
    check("arn:aws:sqs:us-east-1:123456789012:jobs", &[], ("queue", "jobs", "jobs", ""));
}

#[test]
fn what_is_no_resource_of_ours_is_left_out() {
    for arn in [
        "",
        "arn",
        "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-1",
        "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/gwy/x/1",
        "arn:aws:ec2:us-east-1:123456789012:instance/",
    ] {
        assert_eq!(resources(arn, &[]), [], "{arn}");
    }
}

#[test]
fn tags_are_filtered_and_the_filter_hides_no_name() {
    let found = resources(
        "arn:aws:sqs:us-east-1:123456789012:jobs",
        &[("tier", "x"), ("aws:createdBy", "y"), ("Name", "n")],
    );
    let keys: Vec<&str> = found[0].tags.keys().map(String::as_str).collect();
    assert_eq!((keys, found[0].name.as_str()), (vec!["Name", "tier"], "n"));
}

#[test]
fn instances_are_where_ec2_says_and_gone_when_it_says() {
    let instance = |id: &str, zone: &str, has_ended| {
        (id.to_owned(), Instance { id: id.to_owned(), zone: zone.to_owned(), has_ended })
    };
    let known = [
        instance("i-1", "us-east-1a", false),
        instance("i-2", "us-east-1b", true),
        instance("vol-1", "us-east-1c", true),
    ];
    let arns = ["instance/i-1", "instance/i-2", "instance/i-3", "volume/vol-1"]
        .map(|rest| format!("arn:aws:ec2:us-east-1:123456789012:{rest}"));
    let mut found: BTreeMap<ResourceId, Resource> =
        arns.iter().flat_map(|arn| resources(arn, &[])).map(|one| (one.id.clone(), one)).collect();
    locate(&mut found, &known.into());
    let mut left: Vec<(&str, &str)> =
        found.iter().map(|(id, one)| (id.parts().4, one.zone.as_str())).collect();
    left.sort_unstable();
    // One that EC2 does not speak of is younger than the look at it, or older than it remembers.
    assert_eq!(left, [("i-1", "us-east-1a"), ("i-3", ""), ("vol-1", "")]);
}

#[test]
fn every_mapping_asks_for_its_type() {
    let mappings = NativeMappings::builtin();
    let all = mappings.of(Provider::Aws).map(|mapping| mapping.namespace().into()).collect();
    let types = types(&mappings, &all);
    for wanted in ["ec2:instance", "ec2:volume", "rds:db", "s3", "sqs", "lambda:function"] {
        assert!(types.contains(wanted), "{wanted}: {types:?}");
    }
}
