import Primitives

/// Bytes since boot over the interfaces that count, from `/proc/net/dev`.
struct NetworkCounters: Sendable, Equatable {
    var received: UInt64 = 0
    var sent: UInt64 = 0

    /// What begins like this is loopback, a tunnel, a bridge or the inner end of a container, whose bytes also pass a
    /// real interface or never leave the machine.
    static let virtualPrefixes = [
        "lo", "tun", "tap", "docker", "veth", "br-", "vmbr", "vnet", "kube", "cali", "flannel", "cni", "virbr",
        "podman", "lxc", "Meta", "tailscale", "fw", "wg-quick",
    ]

    /// - Parameters:
    ///   - netDev: the text of `/proc/net/dev`.
    ///   - allowlist: when not empty, only names with `true` count, virtual or not.
    init(netDev: String, allowlist: [String: Bool]) {
        for line in netDev.lines.dropFirst(2) {
            guard let (front, counters) = line.halves(at: UInt8(ascii: ":")) else { continue }
            let name = String(front.trimmingBlanks())
            let fields = counters.words
            guard fields.count >= 9, Self.counts(name, allowlist: allowlist),
                let received = UInt64(fields[0]), let sent = UInt64(fields[8])
            else { continue }
            self.received &+= received
            self.sent &+= sent
        }
    }

    static func counts(_ name: String, allowlist: [String: Bool]) -> Bool {
        allowlist.isEmpty ? !virtualPrefixes.contains { name.utf8.starts(with: $0.utf8) } : allowlist[name] == true
    }

    /// Bytes a second since `earlier`; 0 after a counter went back.
    func speed(since earlier: NetworkCounters, seconds: Double) -> (received: UInt64, sent: UInt64) {
        guard seconds > 0.05 else { return (0, 0) }
        func rate(_ new: UInt64, _ old: UInt64) -> UInt64 {
            new > old ? UInt64(Double(new - old) / seconds) : 0
        }
        return (rate(received, earlier.received), rate(sent, earlier.sent))
    }
}
