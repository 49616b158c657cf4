import CNezhaProto

extension GeoIPMessage: ProtobufMessage {
    package init(protobuf bytes: [UInt8]) throws(ProtobufError) {
        self = unsafe try Protobuf.read(bytes, proto__geo_ip__unpack) { message throws(ProtobufError) in
            unsafe try GeoIPMessage(message)
        }
    }

    private init(_ message: UnsafeMutablePointer<Proto__GeoIP>) throws(ProtobufError) {
        self.init()
        use6 = unsafe message.pointee.use6 != 0
        if let ip = unsafe message.pointee.ip {
            addresses = Addresses(
                ipv4: unsafe try Protobuf.text(ip.pointee.ipv4), ipv6: unsafe try Protobuf.text(ip.pointee.ipv6))
        }
        countryCode = unsafe try Protobuf.text(message.pointee.country_code)
        startedAt = unsafe message.pointee.dashboard_boot_time
    }

    package func protobuf() -> [UInt8] {
        Protobuf.withArena { arena in
            var message = unsafe Proto__GeoIP()
            unsafe proto__geo_ip__init(&message)
            unsafe message.use6 = use6 ? 1 : 0
            if let addresses {
                var ip = unsafe Proto__IP()
                unsafe proto__ip__init(&ip)
                unsafe ip.ipv4 = arena.copy(addresses.ipv4)
                unsafe ip.ipv6 = arena.copy(addresses.ipv6)
                unsafe message.ip = arena.copy([ip])
            }
            unsafe message.country_code = arena.copy(countryCode)
            unsafe message.dashboard_boot_time = startedAt
            return unsafe Protobuf.write(&message, proto__geo_ip__get_packed_size, proto__geo_ip__pack)
        }
    }
}
