import CNezhaProto

/// `State`. What is read is bounded (``ReportLimits``): long texts and lists are cut, what is no number counts as 0.
extension HostState: ProtobufMessage {
    package init(protobuf bytes: [UInt8]) throws(ProtobufError) {
        self = unsafe try Protobuf.read(bytes, proto__state__unpack) { message throws(ProtobufError) in
            unsafe try HostState(message)
        }
    }

    private init(_ message: UnsafeMutablePointer<Proto__State>) throws(ProtobufError) {
        self.init()
        cpu = unsafe ReportLimits.number(message.pointee.cpu)
        memUsed = unsafe message.pointee.mem_used
        swapUsed = unsafe message.pointee.swap_used
        diskUsed = unsafe message.pointee.disk_used
        netInTransfer = unsafe message.pointee.net_in_transfer
        netOutTransfer = unsafe message.pointee.net_out_transfer
        netInSpeed = unsafe message.pointee.net_in_speed
        netOutSpeed = unsafe message.pointee.net_out_speed
        uptime = unsafe message.pointee.uptime
        load1 = unsafe ReportLimits.number(message.pointee.load1)
        load5 = unsafe ReportLimits.number(message.pointee.load5)
        load15 = unsafe ReportLimits.number(message.pointee.load15)
        tcpConnCount = unsafe message.pointee.tcp_conn_count
        udpConnCount = unsafe message.pointee.udp_conn_count
        processCount = unsafe message.pointee.process_count
        temperatures.reserveCapacity(min(unsafe message.pointee.n_temperatures, ReportLimits.listLength))
        for index in 0..<(unsafe message.pointee.n_temperatures) {
            guard let sensor = unsafe message.pointee.temperatures?[index] else { continue }
            let name = unsafe try Protobuf.text(sensor.pointee.name)
            guard temperatures.count < ReportLimits.listLength else { continue }
            temperatures.append(
                Temperature(
                    name: ReportLimits.text(name), celsius: unsafe ReportLimits.number(sensor.pointee.temperature)))
        }
        let cards = unsafe UnsafeBufferPointer(start: message.pointee.gpu, count: message.pointee.n_gpu)
        unsafe gpu = cards.prefix(ReportLimits.listLength).map(ReportLimits.number)
    }

    package func protobuf() -> [UInt8] {
        Protobuf.withArena { arena in
            var message = unsafe Proto__State()
            unsafe proto__state__init(&message)
            unsafe message.cpu = cpu
            unsafe message.mem_used = memUsed
            unsafe message.swap_used = swapUsed
            unsafe message.disk_used = diskUsed
            unsafe message.net_in_transfer = netInTransfer
            unsafe message.net_out_transfer = netOutTransfer
            unsafe message.net_in_speed = netInSpeed
            unsafe message.net_out_speed = netOutSpeed
            unsafe message.uptime = uptime
            unsafe message.load1 = load1
            unsafe message.load5 = load5
            unsafe message.load15 = load15
            unsafe message.tcp_conn_count = tcpConnCount
            unsafe message.udp_conn_count = udpConnCount
            unsafe message.process_count = processCount
            let sensors = unsafe temperatures.map { sensor in
                var message = unsafe Proto__StateSensorTemperature()
                unsafe proto__state__sensor_temperature__init(&message)
                unsafe message.name = arena.copy(sensor.name)
                unsafe message.temperature = sensor.celsius
                return unsafe arena.copy([message])
            }
            unsafe message.temperatures = arena.copy(sensors)
            unsafe message.n_temperatures = temperatures.count
            unsafe message.gpu = arena.copy(gpu)
            unsafe message.n_gpu = gpu.count
            return unsafe Protobuf.write(&message, proto__state__get_packed_size, proto__state__pack)
        }
    }
}
