#!/bin/bash
# A film on four machines of a SLURM cluster: sbatch slurm.sh film.mkv film60.mkv
# Input, output and the Python environment lie on a file system that all machines share.
#SBATCH --job-name=frame-booster
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --time=08:00:00
# With GPUs: #SBATCH --gpus-per-node=4
set -euo pipefail

input=$1
output=$2
port=6379
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(srun --nodes=1 --ntasks=1 -w "$head" hostname --ip-address | awk '{print $1}')

# A token of this job alone: without it no other user of the network can reach the cluster.
export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(head -c 32 /dev/urandom | base64 | tr -d '\n')
export RAY_AUTH_TOKEN
# Fewer than all cores for Ray, where the machine of the head is to have some for joining: --num-cpus.
srun --nodes=1 --ntasks=1 -w "$head" --overlap ray start --head --node-ip-address="$address" --port=$port \
  --include-dashboard=false --block &
until srun --nodes=1 --ntasks=1 -w "$head" --overlap ray status --address "$address:$port" >/dev/null 2>&1; do
  sleep 2
done
if [ "$SLURM_JOB_NUM_NODES" -gt 1 ]; then
  srun --nodes=$((SLURM_JOB_NUM_NODES - 1)) --ntasks=$((SLURM_JOB_NUM_NODES - 1)) --exclude="$head" --overlap \
    ray start --address="$address:$port" --block &
fi

# Machines that come up later join in. Submitted again after the time is over, the job goes on where it was.
srun --nodes=1 --ntasks=1 -w "$head" --overlap \
  frame-booster "$input" -o "$output" --cluster "$address:$port" --cluster-scratch "$(dirname "$output")"
