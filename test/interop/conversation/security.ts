// Security groups and their rules.
import type { Area } from '../conversation.ts';
import { STRANGER, strangerArrives } from './stranger.ts';

export const security: Area = {
  name: 'security',
  as: 'demo',
  people: { stranger: STRANGER },
  steps: [
    ...strangerArrives,
    { run: 'security group list', alone: true, rows: [{ Name: 'default' }], count: 1 },
    { run: 'security group show default', has: { name: 'default', stateful: true }, keep: { default: 'id' } },
    { run: 'security group rule list default', count: 4 },
    {
      run: 'security group create --description "For web" --stateful web',
      has: { name: 'web', description: 'For web', stateful: true },
      keep: { web: 'id' },
    },
    {
      run: 'security group rule list web',
      rows: [
        { Direction: 'egress', Ethertype: 'IPv4' },
        { Direction: 'egress', Ethertype: 'IPv6' },
      ],
      count: 2,
    },
    {
      run: 'security group rule create --protocol tcp --dst-port 80:81 --remote-ip 192.0.2.0/24 --description http web',
      has: {
        direction: 'ingress',
        ether_type: 'IPv4',
        protocol: 'tcp',
        port_range_min: 80,
        port_range_max: 81,
        remote_ip_prefix: '192.0.2.0/24',
        security_group_id: '{web}',
      },
      keep: { http: 'id' },
    },
    {
      run: 'security group rule create --protocol tcp --dst-port 80:81 --remote-ip 192.0.2.0/24 --description http web',
      fails: /already exists/,
    },
    {
      run: 'security group rule create --protocol icmp --icmp-type 8 --icmp-code 0 web',
      has: { protocol: 'icmp', port_range_min: 8, port_range_max: 0 },
    },
    {
      run: 'security group rule create --ethertype IPv6 --protocol ipv6-icmp --remote-ip ::/0 web',
      has: { protocol: 'ipv6-icmp', ether_type: 'IPv6', remote_ip_prefix: '::/0' },
    },
    {
      run: 'security group rule create --egress --protocol udp --remote-group default web',
      has: { direction: 'egress', remote_group_id: '{default}' },
    },
    {
      run: 'security group rule create --protocol tcp --dst-port 90:80 web',
      fails: /error: argument --dst-port|port_range_min|error: /,
    },
    { run: 'security group rule create --protocol carrier-pigeon web', fails: /carrier-pigeon/ },
    {
      run: 'security group rule create --protocol tcp --remote-ip 10.0.0.300/24 web',
      fails: /10\.0\.0\.300/,
    },
    {
      run: 'security group rule create --protocol tcp --dst-port 80 nothing',
      fails: /No SecurityGroup found for nothing/,
    },
    {
      run: 'security group rule list web',
      rows: [{ ID: '{http}', 'IP Protocol': 'tcp', 'IP Range': '192.0.2.0/24', 'Port Range': '80:81' }],
      count: 6,
    },
    { run: 'security group rule list --protocol icmp --ingress web', count: 1 },
    { run: 'security group rule show {http}', has: { description: 'http', protocol: 'tcp' } },
    { run: 'security group show web', has: { rules: [{ id: '{http}', protocol: 'tcp' }] } },
    { run: 'security group set --name www --description "For www" web' },
    { run: 'security group show www', has: { id: '{web}', description: 'For www' } },
    { run: 'security group set --tag red www' },
    { run: 'security group list --tags red', rows: [{ ID: '{web}', Name: 'www' }], count: 1 },
    { run: 'security group unset --tag red www' },
    { run: 'security group list --tags red', count: 0 },
    { run: 'security group show {web}', as: 'stranger', fails: /No SecurityGroup found for [0-9a-f-]{36}/ },
    {
      run: 'security group rule show {http}',
      as: 'stranger',
      fails: /No SecurityGroupRule found for [0-9a-f-]{36}/,
    },
    { run: 'security group rule delete {http}', as: 'stranger', fails: /1 of 1 rules failed to delete/ },
    { run: 'security group rule delete {http}' },
    { run: 'security group rule list www', lacks: [{ ID: '{http}' }], count: 5 },
    {
      run: 'port create --network private --security-group www guarded',
      has: { security_group_ids: ['{web}'] },
    },
    { run: 'security group delete www', fails: /in use[\s\S]*1 of 1 groups failed to delete/i },
    { run: 'port unset --security-group www guarded' },
    {
      run: 'port show guarded',
      has: { security_group_ids: (ids) => Array.isArray(ids) && ids.length === 0 },
    },
    { run: 'port delete guarded' },
    { run: 'security group delete www' },
    { run: 'security group list', lacks: [{ ID: '{web}' }] },
    { run: 'security group delete default', fails: /not allowed|cannot|403|409/i },
    { run: 'quota set --secgroups 1 stranger', as: 'admin' },
    { run: 'security group list', as: 'stranger', count: 1 },
    {
      run: 'security group create more',
      as: 'stranger',
      fails: /Quota exceeded for resources: \['security_group'\]/,
    },
  ],
};
