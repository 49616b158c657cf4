import AgentLink

/// What a channel is to tell, before it is filled into the channel's own template.
package struct NotificationMessage: Sendable {
    package var text: String
    /// Such as `2026-01-02 15:04:05.123456789 +0800 CST`.
    package var time: String
    /// The server that incidents and scheduled tasks are about; for other messages the placeholders of a server stay as
    /// they are.
    package var server: ServerSnapshot?

    package init(text: String, time: String, server: ServerSnapshot? = nil) {
        self.text = text
        self.time = time
        self.server = server
    }

    /// What stands in the place of `#name#`; `nil` for a name that means nothing here.
    func value(of name: Substring.UTF8View, units: Bool) -> String? {
        if name.elementsEqual("NEZHA".utf8) { return text }
        if name.elementsEqual("DATETIME".utf8) { return time }
        guard let server, name.starts(with: "SERVER.".utf8) else { return nil }
        let key = String(decoding: name.dropFirst(7), as: UTF8.self)
        return identity(key, of: server) ?? rates(key, of: server, units: units) ?? numbers(key, of: server)
    }

    private func identity(_ key: String, of server: ServerSnapshot) -> String? {
        let (ipv4, ipv6) = (server.geoIP?.ipv4 ?? "", server.geoIP?.ipv6 ?? "")
        switch key {
        case "NAME": return server.name
        case "ID": return "\(server.id)"
        case "IP": return ipv4.isEmpty ? ipv6 : ipv4
        case "IPV4": return ipv4
        case "IPV6": return ipv6
        default: return nil
        }
    }

    /// What units make a difference to.
    private func rates(_ key: String, of server: ServerSnapshot, units: Bool) -> String? {
        let (host, state) = (server.host, server.state)
        func share(_ used: UInt64?, _ total: UInt64?) -> String {
            guard let used, let total else { return "" }
            let share = total == 0 ? 0 : Double(used) / Double(total)
            return units ? Figures.percent(share * 100) : Figures.decimals(share)
        }
        func size(_ bytes: UInt64?, _ unit: String = "") -> String {
            guard let bytes else { return "" }
            return (units ? Figures.size(bytes) : "\(bytes)") + unit
        }
        switch key {
        case "CPU":
            guard let cpu = state?.cpu else { return "" }
            return units ? Figures.percent(cpu) : Figures.decimals(cpu)
        case "MEM": return share(state?.memUsed, host?.memTotal)
        case "SWAP": return share(state?.swapUsed, host?.swapTotal)
        case "DISK": return share(state?.diskUsed, host?.diskTotal)
        case "SPEEDIN": return size(state?.netInSpeed, "/s")
        case "SPEEDOUT": return size(state?.netOutSpeed, "/s")
        case "TRANSFERIN": return size(state?.netInTransfer)
        case "TRANSFEROUT": return size(state?.netOutTransfer)
        default: return nil
        }
    }

    private func numbers(_ key: String, of server: ServerSnapshot) -> String? {
        let (host, state) = (server.host, server.state)
        func whole(_ number: UInt64?) -> String { number.map(String.init) ?? "" }
        func decimals(_ number: Double?) -> String { number.map(Figures.decimals) ?? "" }
        switch key {
        case "CPUUSED": return decimals(state?.cpu)
        case "MEMUSED": return whole(state?.memUsed)
        case "SWAPUSED": return whole(state?.swapUsed)
        case "DISKUSED": return whole(state?.diskUsed)
        case "MEMTOTAL": return whole(host?.memTotal)
        case "SWAPTOTAL": return whole(host?.swapTotal)
        case "DISKTOTAL": return whole(host?.diskTotal)
        case "NETINSPEED": return whole(state?.netInSpeed)
        case "NETOUTSPEED": return whole(state?.netOutSpeed)
        case "NETINTRANSFER": return whole(state?.netInTransfer)
        case "NETOUTTRANSFER": return whole(state?.netOutTransfer)
        case "LOAD1": return decimals(state?.load1)
        case "LOAD5": return decimals(state?.load5)
        case "LOAD15": return decimals(state?.load15)
        case "TCPCONNCOUNT": return whole(state?.tcpConnCount)
        case "UDPCONNCOUNT": return whole(state?.udpConnCount)
        default: return nil
        }
    }
}
