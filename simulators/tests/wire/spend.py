"""Asks for things that cost something: python spend.py URL KEY SECRET."""

import datetime
import sys

import boto3

URL, KEY, SECRET = sys.argv[1:]
NOW = datetime.datetime.now(datetime.timezone.utc)


def client(service):
    return boto3.client(
        service, endpoint_url=URL, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET
    )


cloudwatch = client("cloudwatch")
metrics = cloudwatch.list_metrics(Namespace="AWS/RDS", MetricName="CPUUtilization")["Metrics"]
stats = ["Average", "Sum", "Minimum", "Maximum", "SampleCount", "p99"]
queries = [
    {"Id": f"m{metric}_{stat.lower()}", "MetricStat": {"Metric": metrics[metric], "Period": 60, "Stat": stat}}
    for metric in range(2)
    for stat in stats[: 5 + metric]
]
for _ in range(2):
    start = NOW - datetime.timedelta(minutes=5)
    cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=start, EndTime=NOW)
    cloudwatch.describe_alarms(MaxRecords=1)
client("resourcegroupstaggingapi").get_resources()
