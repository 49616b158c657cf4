/// As much of protobuf as an agent's messages need.
struct Message {
    private(set) var bytes: [UInt8] = []

    mutating func number(_ field: Int, _ value: UInt64) {
        guard value != 0 else { return }
        varint(UInt64(field << 3))
        varint(value)
    }

    mutating func double(_ field: Int, _ value: Double) {
        varint(UInt64(field << 3 | 1))
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
        }
    }

    mutating func text(_ field: Int, _ value: String) {
        varint(UInt64(field << 3 | 2))
        varint(UInt64(value.utf8.count))
        bytes += value.utf8
    }

    mutating func message(_ field: Int, _ value: Message) {
        varint(UInt64(field << 3 | 2))
        varint(UInt64(value.bytes.count))
        bytes += value.bytes
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

extension Message {
    /// A machine of which there are ten thousand.
    static func host(bootTime: UInt64) -> Message {
        var host = Message()
        host.text(1, "debian")
        host.text(2, "13")
        host.text(3, "AMD EPYC 9254 24-Core Processor 4 Virtual Core")
        host.number(4, 8 << 30)
        host.number(5, 80 << 30)
        host.number(6, 1 << 30)
        host.text(7, "x86_64")
        host.text(8, "kvm")
        host.number(9, bootTime)
        host.text(10, "2.1.0")
        return host
    }

    /// The state after `round` seconds; every value changes, as it does in life.
    static func state(round: UInt64) -> Message {
        var state = Message()
        state.double(1, Double(round % 100))
        state.number(2, 3 << 30 + round)
        state.number(3, 1 << 20)
        state.number(4, 40 << 30 + round)
        state.number(5, 1 << 40 + round * 100_000)
        state.number(6, 1 << 39 + round * 50_000)
        state.number(7, 100_000)
        state.number(8, 50_000)
        state.number(9, 1_000_000 + round)
        for field in 10...12 { state.double(field, 0.25) }
        state.number(13, 40)
        state.number(14, 8)
        state.number(15, 120)
        var sensor = Message()
        sensor.text(1, "k10temp_tctl")
        sensor.double(2, 45)
        state.message(16, sensor)
        return state
    }

    static func geoIP(_ address: String) -> Message {
        var ip = Message()
        ip.text(1, address)
        var geoIP = Message()
        geoIP.message(2, ip)
        return geoIP
    }

    static func result(of task: AgentTask, data: String?) -> Message {
        var result = Message()
        result.number(1, task.id)
        result.number(2, task.type)
        if let data {
            result.text(4, data)
            result.number(5, 1)
        }
        return result
    }
}

/// What an agent needs to know of a task to answer it.
struct AgentTask {
    var id: UInt64 = 0
    var type: UInt64 = 0

    /// `nil` when the bytes are no task.
    init?(_ message: [UInt8]) {
        var rest = message[...]
        while !rest.isEmpty {
            guard let tag = rest.takeVarint() else { return nil }
            switch tag {
            case 0x08:
                guard let value = rest.takeVarint() else { return nil }
                id = value
            case 0x10:
                guard let value = rest.takeVarint() else { return nil }
                type = value
            case 0x1a:
                guard let length = rest.takeVarint(), length <= rest.count else { return nil }
                rest = rest.dropFirst(Int(length))
            default: return nil
            }
        }
    }
}

extension ArraySlice<UInt8> {
    fileprivate mutating func takeVarint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}
