# Sourced by every script of the guest: paths and the line printer of the consoles.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
run=/run/pileus
state=/var/lib/pileus

say() { # one line on the serial console and on the screen, without a process
  for tty in ttyS0 tty0; do printf '%s\n' "$*" >/dev/$tty; done 2>/dev/null
  printf '%s\n' "$*" >>$run/log
}

uptime_now() { read -r now rest </proc/uptime; }

uptime_seconds() { uptime_now; echo "${now%.*}"; }
