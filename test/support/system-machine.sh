# Makes a machine with programs of its own of the namespaces it is started in, for test/support/system-machine.ts: what
# /run, /etc and /var hold of Open vSwitch, OVN and libvirt is private, and each runs as Debian's services start it, at
# its default paths. Only the datapath differs: in user space, since the kernel may have no other.
# $1: host name, $2: system-id, $3: directory of QEMU's capabilities as another libvirtd learned them, which saves seconds.
set -eu
hostname "$1"
mount -t sysfs sysfs /sys
umount --recursive --lazy /run/netns 2>/dev/null || true # of the machine around this one
settings=$(mktemp -d)
cp -a /etc/libvirt/. "$settings"
for directory in /run /etc/openvswitch /etc/libvirt /var/lib/openvswitch /var/lib/ovn /var/lib/libvirt /var/cache/libvirt \
  /var/log/openvswitch /var/log/ovn /var/log/libvirt; do
  mkdir -p "$directory"
  mount -t tmpfs -o mode=0755 tmpfs "$directory"
done
cp -a "$settings"/. /etc/libvirt
rm -rf "$settings"
mkdir -p /run/lock /run/openvswitch /run/ovn /run/libvirt
ip link set lo up
ip netns add theirs

# As ovs-ctl and ovn-ctl do it in the units of Debian's packages.
/usr/share/openvswitch/scripts/ovs-ctl start --system-id="$2" --no-ovs-vswitchd --no-monitor >/dev/null
ovs-vsctl --no-wait set Open_vSwitch . external-ids:hostname="$1" external-ids:ovn-remote=unix:/var/run/ovn/ovnsb_db.sock \
  external-ids:ovn-encap-type=geneve external-ids:ovn-encap-ip=127.0.0.1 external-ids:ovn-bridge-datapath-type=netdev \
  external-ids:ovn-bridge-mappings=extnet:br-provider
ovs-vswitchd --disable-system -vconsole:off --pidfile --detach --no-chdir --log-file
/usr/share/ovn/scripts/ovn-ctl start_northd --ovn-manage-ovsdb=yes --ovn-northd-log=-vconsole:off >/dev/null
/usr/share/ovn/scripts/ovn-ctl start_controller >/dev/null

# The administrator's own: a bridge to the provider's network with the machine's address there, and a port of hers.
ovs-vsctl add-br br-provider -- set Bridge br-provider datapath_type=netdev
ip address add 192.0.2.1/24 dev br-provider
ip link set br-provider up
ovs-vsctl add-port br-provider theirs -- set Interface theirs type=internal external-ids:iface-id=theirs \
  external-ids:vm-uuid=11111111-2222-4333-8444-555555555555
ovn-nbctl --timeout=10 ls-add theirs

mkdir -p /var/cache/libvirt/qemu/capabilities
cp "$3"/* /var/cache/libvirt/qemu/capabilities 2>/dev/null || true
# As an administrator sets it where control groups are not hers to make, as in a container.
echo 'cgroup_controllers = []' >>/etc/libvirt/qemu.conf
virtlogd --daemon
libvirtd --daemon
