import CNezhaProto

/// `Host`. What is read is bounded (``ReportLimits``): long texts and lists are cut.
extension HostInfo: ProtobufMessage {
    package init(protobuf bytes: [UInt8]) throws(ProtobufError) {
        self = unsafe try Protobuf.read(bytes, proto__host__unpack) { message throws(ProtobufError) in
            unsafe try HostInfo(message)
        }
    }

    private init(_ message: UnsafeMutablePointer<Proto__Host>) throws(ProtobufError) {
        self.init(
            platform: ReportLimits.text(unsafe try Protobuf.text(message.pointee.platform)),
            platformVersion: ReportLimits.text(unsafe try Protobuf.text(message.pointee.platform_version)),
            cpu: unsafe try Protobuf.texts(message.pointee.n_cpu, message.pointee.cpu),
            memTotal: unsafe message.pointee.mem_total,
            diskTotal: unsafe message.pointee.disk_total,
            swapTotal: unsafe message.pointee.swap_total,
            arch: ReportLimits.text(unsafe try Protobuf.text(message.pointee.arch)),
            virtualization: ReportLimits.text(unsafe try Protobuf.text(message.pointee.virtualization)),
            bootTime: unsafe message.pointee.boot_time,
            version: ReportLimits.text(unsafe try Protobuf.text(message.pointee.version)),
            gpu: unsafe try Protobuf.texts(message.pointee.n_gpu, message.pointee.gpu))
    }

    package func protobuf() -> [UInt8] {
        Protobuf.withArena { arena in
            var message = unsafe Proto__Host()
            unsafe proto__host__init(&message)
            unsafe message.platform = arena.copy(platform)
            unsafe message.platform_version = arena.copy(platformVersion)
            unsafe message.cpu = arena.copy(cpu.map { unsafe arena.copy($0) })
            unsafe message.n_cpu = cpu.count
            unsafe message.mem_total = memTotal
            unsafe message.disk_total = diskTotal
            unsafe message.swap_total = swapTotal
            unsafe message.arch = arena.copy(arch)
            unsafe message.virtualization = arena.copy(virtualization)
            unsafe message.boot_time = bootTime
            unsafe message.version = arena.copy(version)
            unsafe message.gpu = arena.copy(gpu.map { unsafe arena.copy($0) })
            unsafe message.n_gpu = gpu.count
            return unsafe Protobuf.write(&message, proto__host__get_packed_size, proto__host__pack)
        }
    }
}
