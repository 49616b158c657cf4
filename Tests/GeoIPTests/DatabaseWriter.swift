/// Writes databases in the MaxMind format, version 2.0, as small as tests need them.
struct DatabaseWriter {
    indirect enum Value {
        case text(String)
        case uint16(UInt16)
        case uint32(UInt32)
        case uint64(UInt64)
        case map([(String, Value)])
        case array([Value])
    }

    private enum Record {
        case nothing
        case node(Int)
        /// Offset in the data section.
        case data(Int)
    }

    let version: Int
    private var nodes: [[Record]] = [[.nothing, .nothing]]
    private var data: [UInt8] = []

    /// - Parameter version: 4, or 6 with the IPv4 addresses below `::/96`.
    init(version: Int) { self.version = version }

    /// The first `length` bits of `prefix` (4 or 16 bytes) have this.
    mutating func add(_ prefix: [UInt8], _ length: Int, _ value: Value) {
        let offset = data.count
        data += Self.encode(value)
        let isMapped = version == 6 && prefix.count == 4
        let bytes = (isMapped ? [UInt8](repeating: 0, count: 12) : []) + prefix
        let bits = length + (isMapped ? 96 : 0)
        var node = 0
        for index in 0..<bits {
            let side = Int(bytes[index / 8] >> (7 - index % 8) & 1)
            if index == bits - 1 {
                nodes[node][side] = .data(offset)
            } else if case .node(let next) = nodes[node][side] {
                node = next
            } else {
                nodes.append([.nothing, .nothing])
                nodes[node][side] = .node(nodes.count - 1)
                node = nodes.count - 1
            }
        }
    }

    var bytes: [UInt8] {
        let records = nodes.flatMap { $0 }.flatMap { record -> [UInt8] in
            let value =
                switch record {
                case .nothing: nodes.count
                case .node(let number): number
                case .data(let offset): nodes.count + 16 + offset
                }
            return [UInt8(value >> 16), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
        }
        let metadata = Value.map([
            ("binary_format_major_version", .uint16(2)), ("binary_format_minor_version", .uint16(0)),
            ("build_epoch", .uint64(1_700_000_000)), ("database_type", .text("Test-Country")),
            ("description", .map([("en", .text("A test."))])), ("ip_version", .uint16(UInt16(version))),
            ("languages", .array([.text("en")])), ("node_count", .uint32(UInt32(nodes.count))),
            ("record_size", .uint16(24)),
        ])
        return records + [UInt8](repeating: 0, count: 16) + data + [0xAB, 0xCD, 0xEF] + Array("MaxMind.com".utf8)
            + Self.encode(metadata)
    }

    private static func encode(_ value: Value) -> [UInt8] {
        switch value {
        case .text(let text): control(2, text.utf8.count) + text.utf8
        case .uint16(let number): control(5, 2) + bigEndian(number)
        case .uint32(let number): control(6, 4) + bigEndian(number)
        case .uint64(let number): control(9, 8) + bigEndian(number)
        case .map(let members):
            control(7, members.count) + members.flatMap { encode(.text($0.0)) + encode($0.1) }
        case .array(let elements): control(11, elements.count) + elements.flatMap(encode)
        }
    }

    /// Type and size; sizes here stay below 285.
    private static func control(_ type: UInt8, _ size: Int) -> [UInt8] {
        let (short, more): (UInt8, [UInt8]) = size < 29 ? (UInt8(size), []) : (29, [UInt8(size - 29)])
        return (type < 8 ? [type << 5 | short] : [short, type - 7]) + more
    }

    private static func bigEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        stride(from: Number.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
