#!/bin/bash
# Trains on two machines, and goes on when the job is put back into the queue:
#
#     sbatch training/distribution/deploy/slurm.sh
#
# To change: the lines of #SBATCH, the run's directory, which all machines must be able to write, and what is
# trained. A virtual environment with this project must be active.
#SBATCH --job-name=zoo-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@120
# With GPUs: #SBATCH --gpus-per-node=1

set -eu
export RUN=${RUN:-$PWD/runs/gan} PORT=${PORT:-2222}

workers=""
for host in $(scontrol show hostnames "$SLURM_JOB_NODELIST"); do
  workers="$workers${workers:+, }\"$host:$PORT\""
done
export WORKERS=$workers

# One process a machine; --kill-on-bad-exit ends all of them when one is lost.
srun --kill-on-bad-exit=1 bash -ceu '
  export TF_CONFIG="{\"cluster\": {\"worker\": [$WORKERS]}, \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
  if [ -e "$RUN/config.json" ]; then
    exec zoo train --distribute multi_worker --resume "$RUN"
  fi
  exec zoo train dcgan --dataset fashion_mnist --batch-size 128 --epochs 20 \
    --runs-dir "$(dirname "$RUN")" --run-name "$(basename "$RUN")" --distribute multi_worker
'
