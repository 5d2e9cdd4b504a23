"""Compares the CPU time of commands that run at the same time, each in a loop of its own.

    python benches/side_by_side.py --seconds 540 'CPU hungry command' 'the same with something added'

On a shared host the speed of a core changes by half within a minute, and commands that take turns meet
different moments. Those that run at once meet the same ones, so that two that do the same take the same to
within some tenths of a percent; what they take still depends on how busy the host is, and so may a share of
it. It says nothing about wall time. Runs count that ended while all loops still ran. `{}` in a command is the number of its loop, by which outputs are kept apart.
"""

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import threading
import time


def loop(number, command, seconds, runs):
    """Runs a command until the time is over, and adds the end and the CPU seconds of each run."""
    words = [word.replace("{}", str(number)) for word in shlex.split(command)]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        runs.append((time.monotonic(), usage.ru_utime + usage.ru_stime, child.returncode))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120, help="time after which no run begins")
    parser.add_argument("commands", nargs="+", help="the first is what the others are measured against")
    asked = parser.parse_args()
    for command in asked.commands:
        words = shlex.split(command)
        if not words or shutil.which(words[0]) is None:
            parser.error(f"found the command `{command}`, wanted one that begins with a program that is there")
    loops = [[] for _ in asked.commands]
    threads = [
        threading.Thread(target=loop, args=(number, command, asked.seconds, runs))
        for number, (command, runs) in enumerate(zip(asked.commands, loops))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = min(runs[-1][0] for runs in loops)
    codes = [sorted({code for _, _, code in runs}) for runs in loops]
    loops = [[cpu for end, cpu, _ in runs if end <= last] for runs in loops]
    if not all(loops):
        sys.exit("a command had no run that ended before the others' last ones: give them more --seconds")
    print("| | runs | exit codes | CPU s, least | median | mean | most | share of what is added: mean | median |")
    print("|---|---:|---|---:|---:|---:|---:|---:|---:|")
    for number, runs in enumerate(loops):
        figures = [min(runs), statistics.median(runs), statistics.mean(runs), max(runs)]
        shares = [
            f"{100 * (1 - of(loops[0]) / of(runs)):.1f} %" if number else "–"
            for of in (statistics.mean, statistics.median)
        ]
        cells = [number, len(runs), ", ".join(map(str, codes[number])), *(f"{of:.2f}" for of in figures), *shares]
        print("| " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
