"""What each setting means, by its environment variable."""

from __future__ import annotations

import re

from records.words import Text

MEANINGS = {
    "HUIXIN_HOME": Text("一切运行产物的文件夹", "folder of everything that a run writes"),
    "HUIXIN_DATABASE_URL": Text(
        "业务数据库；缺省为主目录下的 SQLite", "operations database; SQLite in the home folder unless given"
    ),
    "HUIXIN_MLFLOW_URI": Text(
        "MLflow 跟踪与登记；缺省为主目录下的 SQLite",
        "MLflow tracking and registry; SQLite in the home folder unless given",
    ),
    "HUIXIN_IDENTITY_KEY": Text(
        "主体编号密钥；缺省时生成一次，存于主目录",
        "key of the subject ids; made once and kept in the home folder unless given",
    ),
    "HUIXIN_IDENTITY_KEYS_FORMER": Text("旧密钥，最近的在前，JSON 列表", "former keys, newest first, a JSON list"),
    "HUIXIN_CATALOGUE_FOLDER": Text("本安装自有的目录文件", "the installation's own catalogue files"),
    "HUIXIN_BATCH_ROWS_MOST": Text("一批至多行数", "a batch of more rows is refused"),
    "HUIXIN_FEATURE_MODULES": Text("自有特征模块，以逗号分隔", "own modules of features, separated by commas"),
    "HUIXIN_LOG_LEVEL": Text("低于此级的日志不写", "log lines below this level are not written"),
    "HUIXIN_LOG_REQUESTS": Text("哪些请求各写一行日志", "which requests have a log line of their own"),
    "HUIXIN_TRACES_URL": Text(
        "OpenTelemetry 收集器地址（OTLP/HTTP）；缺省不发",
        "collector of OpenTelemetry spans (OTLP over HTTP); none unless given",
    ),
    "HUIXIN_TRACES_SHARE": Text("追踪请求的份额，0 至 1", "share of the requests that are traced, 0 to 1"),
    "HUIXIN_DRAIN_SECONDS": Text(
        "停止时在途请求的余时，秒", "seconds that requests under way have when the service stops"
    ),
    "HUIXIN_EXCHANGE_CHUNK_BYTES_MOST": Text("一次请求体至多字节", "bytes of one request's body, at most"),
    "HUIXIN_EXCHANGE_UPLOAD_BYTES_MOST": Text("一次上传至多字节", "bytes of a whole batch, at most"),
    "HUIXIN_EXCHANGE_SPOOL_BYTES_MOST": Text("在途上传合计至多字节", "bytes of all batches on their way in, at most"),
    "HUIXIN_EXCHANGE_OPEN_MOST": Text("一个来源未完成的上传至多", "unfinished uploads of one source, at most"),
    "HUIXIN_EXCHANGE_QUEUE_MOST": Text("排队上传至多", "uploads waiting for the door, at most"),
    "HUIXIN_EXCHANGE_BODIES_MOST": Text("每进程同时在内存的请求体至多", "request bodies in memory at once, a process"),
    "HUIXIN_EXCHANGE_PUSHES_MOST": Text("其中同时入库的至多", "those among them that pass the door at once"),
    "HUIXIN_EXCHANGE_DISK_RESERVE_BYTES": Text("始终留空的磁盘字节", "bytes of the disk that are never used up"),
    "HUIXIN_EXCHANGE_IDLE_DAYS": Text("无进展的上传在此天数后作废", "days after which a silent upload is given up"),
    "HUIXIN_EXCHANGE_BODY_SECONDS": Text("请求体须在此秒数内到齐", "seconds within which a body comes"),
    "HUIXIN_EXCHANGE_LEASE_SECONDS": Text(
        "工作者静默此秒数后让出批次", "seconds of silence after which a worker loses its batch"
    ),
    "HUIXIN_EXCHANGE_CLEAR_IN_MEMORY_MOST": Text(
        "不超过此字节的批次以明文只在内存", "bytes up to which a batch lies in memory, not on disk, while in clear"
    ),
    "HUIXIN_EXCHANGE_HISTORY": Text("来源可否报送历史时点", "whether sources may push a recorded_at of their own"),
    "HUIXIN_WATCH_LOOPBACK": Text("仅测试：可否告知本机", "for tests only: webhooks on this machine"),
    "HUIXIN_WATCH_WEBHOOK_KEY": Text(
        "webhook 密钥的主密钥，各主机相同", "master key of the webhooks' secrets, the same on every host"
    ),
    "HUIXIN_WATCH_ATTEMPTS_MOST": Text("投递至多尝试次数", "attempts until a delivery is a dead letter"),
    "HUIXIN_WATCH_FIRST_WAIT_SECONDS": Text(
        "首次重试前的秒数，逐次加倍", "seconds before the first retry, doubled each time"
    ),
    "HUIXIN_WATCH_LONGEST_WAIT_SECONDS": Text("重试间隔至多秒数", "seconds between retries, at most"),
    "HUIXIN_WATCH_TIMEOUT_SECONDS": Text("一次投递至多秒数", "seconds of one attempt, at most"),
    "HUIXIN_WATCH_LEASE_SECONDS": Text(
        "工作者静默此秒数后让出", "seconds of silence after which a worker loses its turn"
    ),
    "HUIXIN_WATCH_DELIVER": Text("本服务是否投递", "whether this service delivers"),
    "HUIXIN_WATCH_EVALUATE": Text("本服务是否也评估", "whether this service evaluates too"),
    "HUIXIN_WATCH_EVERY": Text("月末是否评估全部主体", "whether month ends are evaluated for all rated subjects"),
    "HUIXIN_WATCH_BATCH_SECONDS": Text(
        "批次后评估的最短间隔，秒", "seconds between evaluations after batches, at least"
    ),
    "HUIXIN_WATCH_LOOK_SECONDS": Text("查看有无工作的间隔，秒", "seconds between looks for work"),
    "HUIXIN_WATCH_KEEP_DAYS": Text("已结投递可查天数", "days for which settled deliveries can be looked at"),
    "HUIXIN_WATCH_SENDERS": Text("每进程同时投递的 webhook 数", "webhooks that one process serves at once"),
    "HUIXIN_WATCH_LISTS_MOST": Text("一个调用方的名单至多", "watch lists of one client, at most"),
    "HUIXIN_WATCH_ENTRIES_MOST": Text("一个调用方关注的主体至多", "subjects that one client watches, at most"),
    "HUIXIN_WATCH_WEBHOOKS_MOST": Text("一个调用方的 webhook 至多", "webhooks of one client, at most"),
    "HUIXIN_ACCESS_TOKEN_KEY": Text(
        "签发令牌的密钥，十六进制；缺省时生成",
        "Ed25519 key that signs tokens, hexadecimal; made once",
    ),
    "HUIXIN_ACCESS_TOKEN_KEYS_FORMER": Text("令牌旧密钥，JSON 列表", "former keys of tokens, a JSON list"),
    "HUIXIN_ACCESS_TOKEN_SECONDS": Text("令牌有效秒数", "seconds that a token lasts"),
    "HUIXIN_ACCESS_ISSUER": Text("令牌须载明的签发者", "issuer that tokens must name"),
    "HUIXIN_ACCESS_AUDIENCE": Text("令牌须载明的受众", "audience that tokens must name"),
    "HUIXIN_ACCESS_TRUSTED_PROXIES": Text(
        "其证书头可信的代理地址，JSON 列表", "proxies whose certificate header is believed, a JSON list"
    ),
    "HUIXIN_ACCESS_CERTIFICATE_HEADER": Text(
        "载客户端证书指纹的头", "header with the SHA-256 of the client's certificate"
    ),
    "HUIXIN_ACCESS_PER_SECOND": Text("调用方每秒请求数上限", "requests a second of a client, in each worker"),
    "HUIXIN_ACCESS_BURST": Text("调用方瞬时请求数上限", "requests of a client at once, in each worker"),
    "HUIXIN_ACCESS_PER_DAY": Text("调用方每日请求数上限", "requests a day of a client"),
}

OTHERS = {
    "HUIXIN_SECRETS_FOLDER": Text("以文件给出的设置所在文件夹", "folder of settings that are given as files"),
    "HUIXIN_LANGUAGE": Text(
        "命令行的语言：zh、en，缺省两者", "language of the command line: zh, en, both unless given"
    ),
    "HUIXIN_DATA": Text("基准测试的真实数据目录", "folder of real data for benchmarks"),
    "HUIXIN_PYTHON": Text("MLflow 服务器的 Python", "Python of the MLflow server"),
}
# The tracking server's own (mlflow/start-tracking-server), and whatever connectors name for sources' databases.
READ_BY_OTHERS = re.compile(r"HUIXIN_(MLFLOW|SOURCE)_")
