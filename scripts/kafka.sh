#!/usr/bin/env bash
# Runs one Apache Kafka broker on loopback for tests.
#
#   scripts/kafka.sh start DIR   start it with its data in DIR, print host:port
#   scripts/kafka.sh stop DIR    end the one that runs there
#
# EARSHOT_KAFKA_PORT is the broker's port (19092); the controller takes the next
# one. Needs Java 17 and Maven, which fetches the jars once into .earshot/kafka.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
pom="$root/scripts/kafka/pom.xml"
port=${EARSHOT_KAFKA_PORT:-19092}
address="127.0.0.1:$port"

die() { echo "kafka.sh: $*" >&2; exit 1; }

need() {
  command -v "$1" >/dev/null || die "$1 is missing; install it, on Debian: apt-get install $2"
}

# jars prints the folder with the jars of the version that the pom names.
jars() {
  local version folder
  version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$pom")
  folder="$root/.earshot/kafka/$version"
  if [[ ! -e "$folder/complete" ]]; then
    need mvn maven
    echo "kafka.sh: fetching Apache Kafka $version" >&2
    mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime \
      -DoutputDirectory="$folder" >&2 || die "Maven could not fetch Apache Kafka $version"
    touch "$folder/complete"
  fi
  echo "$folder"
}

running() { [[ -s "$1/pid" ]] && kill -0 "$(cat "$1/pid")" 2>/dev/null; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

configure() {
  cat > "$1/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=BROKER://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=BROKER://127.0.0.1:$port
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs=$1/data
num.partitions=12
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
auto.create.topics.enable=false
EOF
}

start() {
  local dir=$1 libs cluster
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  if running "$dir"; then
    cat "$dir/address"
    return
  fi
  need java openjdk-17-jre-headless
  answers && die "something else listens on $address; set EARSHOT_KAFKA_PORT"
  libs=$(jars)
  configure "$dir"
  if [[ ! -e "$dir/data/meta.properties" ]]; then
    cluster=$(java -cp "$libs/*" kafka.tools.StorageTool random-uuid 2>/dev/null | tail -n 1)
    java -cp "$libs/*" kafka.tools.StorageTool format -t "$cluster" -c "$dir/server.properties" \
      > "$dir/format.log" 2>&1 || die "cannot format the storage, see $dir/format.log"
  fi
  nohup setsid java -Xms256m -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -cp "$libs/*" kafka.Kafka "$dir/server.properties" > "$dir/server.log" 2>&1 < /dev/null &
  echo $! > "$dir/pid"
  echo "$address" > "$dir/address"
  for _ in $(seq 240); do
    running "$dir" || die "the broker ended, see $dir/server.log"
    if answers; then
      echo "$address"
      return
    fi
    sleep 0.25
  done
  stop "$dir"
  die "the broker did not answer within a minute, see $dir/server.log"
}

stop() {
  local dir=$1 pid
  running "$dir" || { rm -f "$dir/pid"; return 0; }
  pid=$(cat "$dir/pid")
  kill "$pid"
  for _ in $(seq 120); do
    kill -0 "$pid" 2>/dev/null || { rm -f "$dir/pid"; return 0; }
    sleep 0.25
  done
  kill -9 "$pid" 2>/dev/null || true
  rm -f "$dir/pid"
}

[[ $# -eq 2 ]] || die "usage: kafka.sh start|stop DIR"
case $1 in
  start) start "$2" ;;
  stop) stop "$2" ;;
  *) die "usage: kafka.sh start|stop DIR" ;;
esac
