"""Answer the records of Parquet files on a Spark cluster: Parquet in, Parquet out.

    spark-submit scripts/spark_predict.py hdfs:///records hdfs:///answers --column 诊断

The library must be installed in the Python of the workers (PYSPARK_PYTHON); the model is broadcast.
"""

from __future__ import annotations

import argparse


def main() -> None:
    """Read the arguments, and run the job."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("records", help="Parquet files, as Spark names places")
    parser.add_argument("answers", help="where the answers are written; it must not be there yet")
    parser.add_argument("--column", default="text", help="the column that holds the text")
    parser.add_argument("--into", default="prediction", help="the column of answers")
    parser.add_argument("--model", help="a model directory of this machine; else the shipped one")
    parser.add_argument("--engine", choices=["fp32", "int8", "openvino"])
    parser.add_argument("--use", choices=["both", "albert", "linear"])
    parser.add_argument("--bulk", action="store_true", help="the linear member where it is sure")
    given = parser.parse_args()

    from pyspark.sql import SparkSession

    from gi_classifier.pipelines.spark import predict

    session = SparkSession.builder.appName("gi_classifier").getOrCreate()
    answered = predict(
        session.read.parquet(given.records),
        given.column,
        into=given.into,
        model=given.model,
        engine=given.engine,
        use=given.use,
        bulk=given.bulk,
    )
    answered.write.parquet(given.answers)
    session.stop()


if __name__ == "__main__":
    main()
