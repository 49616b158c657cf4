/// The JSON form of a measurement (`rest.md` 4, `mcp.md` 4.4): empty and zero values are left out.
extension HostState: Codable {
    private enum CodingKeys: String, CodingKey {
        case cpu
        case memUsed = "mem_used"
        case swapUsed = "swap_used"
        case diskUsed = "disk_used"
        case netInTransfer = "net_in_transfer"
        case netOutTransfer = "net_out_transfer"
        case netInSpeed = "net_in_speed"
        case netOutSpeed = "net_out_speed"
        case uptime
        case load1 = "load_1"
        case load5 = "load_5"
        case load15 = "load_15"
        case tcpConnCount = "tcp_conn_count"
        case udpConnCount = "udp_conn_count"
        case processCount = "process_count"
        case temperatures
        case gpu
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        cpu = try values.decode(.cpu, or: 0)
        memUsed = try values.decode(.memUsed, or: 0)
        swapUsed = try values.decode(.swapUsed, or: 0)
        diskUsed = try values.decode(.diskUsed, or: 0)
        netInTransfer = try values.decode(.netInTransfer, or: 0)
        netOutTransfer = try values.decode(.netOutTransfer, or: 0)
        netInSpeed = try values.decode(.netInSpeed, or: 0)
        netOutSpeed = try values.decode(.netOutSpeed, or: 0)
        uptime = try values.decode(.uptime, or: 0)
        load1 = try values.decode(.load1, or: 0)
        load5 = try values.decode(.load5, or: 0)
        load15 = try values.decode(.load15, or: 0)
        tcpConnCount = try values.decode(.tcpConnCount, or: 0)
        udpConnCount = try values.decode(.udpConnCount, or: 0)
        processCount = try values.decode(.processCount, or: 0)
        temperatures = try values.decode(.temperatures, or: [])
        gpu = try values.decode(.gpu, or: [])
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(cpu, .cpu, unless: 0)
        try values.encode(memUsed, .memUsed, unless: 0)
        try values.encode(swapUsed, .swapUsed, unless: 0)
        try values.encode(diskUsed, .diskUsed, unless: 0)
        try values.encode(netInTransfer, .netInTransfer, unless: 0)
        try values.encode(netOutTransfer, .netOutTransfer, unless: 0)
        try values.encode(netInSpeed, .netInSpeed, unless: 0)
        try values.encode(netOutSpeed, .netOutSpeed, unless: 0)
        try values.encode(uptime, .uptime, unless: 0)
        try values.encode(load1, .load1, unless: 0)
        try values.encode(load5, .load5, unless: 0)
        try values.encode(load15, .load15, unless: 0)
        try values.encode(tcpConnCount, .tcpConnCount, unless: 0)
        try values.encode(udpConnCount, .udpConnCount, unless: 0)
        try values.encode(processCount, .processCount, unless: 0)
        try values.encode(temperatures, .temperatures, unless: [])
        try values.encode(gpu, .gpu, unless: [])
    }
}

/// Both keys are always there, and begin with a capital as the pages in the field expect.
extension HostState.Temperature: Codable {
    private enum CodingKeys: String, CodingKey {
        case name = "Name"
        case celsius = "Temperature"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(name: try values.decode(.name, or: ""), celsius: try values.decode(.celsius, or: 0))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(celsius, forKey: .celsius)
    }
}
