# shellcheck shell=bash
# workloads.sh is sourced: workload_defaults WORKLOAD prints a workload's name=value arguments. Every one can be overridden by
# a later one. n counts the warm-up's events, which are not measured. README.md says what each workload is.

workload_defaults() {
  case $1 in
    W1) echo workload=W1 keys=1000000 n=30000000 warm=6000000 ;;
    W1z) echo workload=W1 keys=1000000 n=30000000 warm=6000000 zipf=1 ;;
    W2) echo workload=W2 keys=100000 rate=1000 n=40000000 warm=10000000 ;;
    W2d) echo workload=W2 keys=100000 rate=100000 n=30000000 warm=6000000 ;;
    W3) echo workload=W3 keys=10000 rate=1000 n=400000 warm=100000 ;;
    W3d) echo workload=W3 keys=1000 rate=10000 n=1000000 warm=600000 ;;
    W3flat) echo workload=W3flat keys=100 rate=100000 n=20000000 warm=7000000 ;;
    W4) echo workload=W4 keys=100000 rate=1000 n=12000000 warm=3000000 ;;
    W5q4 | W5q7) echo workload="$1" rate=100000 n=6000000 warm=2000000 ;; # state grows without bound, as published
    W5q5 | W5q7w | W5q8) echo workload="$1" rate=100000 n=14000000 warm=4000000 ;;
    W6) echo workload=W6 keys=50000000 preload=50000000 warm=52000000 n=60000000 ;;
    W6s) echo workload=W6 keys=10000000 preload=10000000 warm=10500000 n=13500000 managed=128m managedmb=128 ;;
    W7) echo workload=W7 keys=10000000 n=60000000 warm=20000000 ;;
    windows-memory) echo workload=windows-memory keys=1000000 ;;
    increments) echo workload=increments keys=1000000 n=2 warm=1 ckpt=200 ;; # skewed=1: nine in ten touches are of one key in ten
    pauses) echo workload=pauses keys=10000000 n=20000000 ckpt=500 ;;
    latency-eo) echo workload=latency-eo keys=100000 rate=1000000 n=10000000 ckpt=200 ;; # ten seconds at half the highest rate
    latency) echo workload=latency rate=200 n=2200 warm=200 ;;
    *)
      echo "no workload $1: see bench/README.md" >&2
      return 2
      ;;
  esac
}
