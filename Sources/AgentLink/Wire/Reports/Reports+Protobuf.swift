// Host, State and GeoIP between their wire form and ours. What comes from the wire is bounded (``ReportLimits``).

extension HostInfo {
    /// - Parameter message: as received; long texts and lists are cut.
    package init(_ message: Proto_Host) {
        self.init(
            platform: ReportLimits.text(message.platform),
            platformVersion: ReportLimits.text(message.platformVersion),
            cpu: ReportLimits.texts(message.cpu),
            memTotal: message.memTotal,
            diskTotal: message.diskTotal,
            swapTotal: message.swapTotal,
            arch: ReportLimits.text(message.arch),
            virtualization: ReportLimits.text(message.virtualization),
            bootTime: message.bootTime,
            version: ReportLimits.text(message.version),
            gpu: ReportLimits.texts(message.gpu))
    }
}

extension Proto_Host {
    package init(_ host: HostInfo) {
        self.init()
        platform = host.platform
        platformVersion = host.platformVersion
        cpu = host.cpu
        memTotal = host.memTotal
        diskTotal = host.diskTotal
        swapTotal = host.swapTotal
        arch = host.arch
        virtualization = host.virtualization
        bootTime = host.bootTime
        version = host.version
        gpu = host.gpu
    }
}

extension HostState {
    /// - Parameter message: as received; long texts and lists are cut, what is no number counts as 0.
    package init(_ message: Proto_State) {
        self.init()
        cpu = ReportLimits.number(message.cpu)
        memUsed = message.memUsed
        swapUsed = message.swapUsed
        diskUsed = message.diskUsed
        netInTransfer = message.netInTransfer
        netOutTransfer = message.netOutTransfer
        netInSpeed = message.netInSpeed
        netOutSpeed = message.netOutSpeed
        uptime = message.uptime
        load1 = ReportLimits.number(message.load1)
        load5 = ReportLimits.number(message.load5)
        load15 = ReportLimits.number(message.load15)
        tcpConnCount = message.tcpConnCount
        udpConnCount = message.udpConnCount
        processCount = message.processCount
        temperatures = message.temperatures.prefix(ReportLimits.listLength).map {
            Temperature(name: ReportLimits.text($0.name), celsius: ReportLimits.number($0.temperature))
        }
        gpu = message.gpu.prefix(ReportLimits.listLength).map(ReportLimits.number)
    }
}

extension Proto_State {
    package init(_ state: HostState) {
        self.init()
        cpu = state.cpu
        memUsed = state.memUsed
        swapUsed = state.swapUsed
        diskUsed = state.diskUsed
        netInTransfer = state.netInTransfer
        netOutTransfer = state.netOutTransfer
        netInSpeed = state.netInSpeed
        netOutSpeed = state.netOutSpeed
        uptime = state.uptime
        load1 = state.load1
        load5 = state.load5
        load15 = state.load15
        tcpConnCount = state.tcpConnCount
        udpConnCount = state.udpConnCount
        processCount = state.processCount
        temperatures = state.temperatures.map { sensor in
            var message = Proto_State_SensorTemperature()
            message.name = sensor.name
            message.temperature = sensor.celsius
            return message
        }
        gpu = state.gpu
    }
}

extension GeoIPInfo {
    /// The addresses of a report; whatever is not an address of the field's family is dropped.
    package init(_ message: Proto_GeoIP) {
        let ipv4 = IPAddress(message.ip.ipv4)
        let ipv6 = IPAddress(message.ip.ipv6)
        self.init(
            ipv4: ipv4?.family == .ipv4 ? ipv4?.text ?? "" : "",
            ipv6: ipv6?.family == .ipv6 ? ipv6?.text ?? "" : "",
            countryCode: ReportLimits.text(message.countryCode))
    }
}

extension Proto_GeoIP {
    /// An agent's report.
    package init(_ geoIP: GeoIPInfo, use6: Bool) {
        self.init()
        self.use6 = use6
        ip.ipv4 = geoIP.ipv4
        ip.ipv6 = geoIP.ipv6
    }
}
