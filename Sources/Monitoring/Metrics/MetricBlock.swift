import CZstd
import Storage

/// Why bytes of the metrics file cannot be read.
enum MetricBlockError: Error, Equatable {
    case damaged
    case notCompressed
}

/// The cells of one open row: how many reports, and the values.
enum MetricCells {
    static func encode(count: UInt32, _ cells: [Double]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 + cells.count * 8)
        bytes.append(integer: count)
        for cell in cells { bytes.append(integer: cell.bitPattern) }
        return bytes
    }

    static func decode(_ bytes: [UInt8], width: Int) throws(MetricBlockError) -> (count: UInt32, cells: [Double]) {
        guard bytes.count == 4 + width * 8 else { throw .damaged }
        return (
            bytes.integer(at: 0, UInt32.self),
            (0..<width).map { Double(bitPattern: bytes.integer(at: 4 + $0 * 8, UInt64.self)) }
        )
    }
}

/// Rows of one series, column by column and byte by byte of the numbers, compressed by zstd: the high bytes of neighbours
/// are mostly alike, so a day of a machine's reports takes a tenth of its numbers.
struct MetricBlock: Sendable, Equatable {
    struct Row: Sendable, Equatable {
        var slot: Int64
        var count: UInt32
        var cells: [Double]
    }

    /// In order of their slots, each slot once.
    var rows: [Row]

    private static let version: UInt8 = 1
    /// No block that we write has more.
    private static let rowLimit = 4096

    /// - Parameter base: the first slot that the block may have.
    func encode(base: Int64, width: Int) throws(MetricBlockError) -> [UInt8] {
        guard rows.count <= Self.rowLimit else { throw .damaged }
        var plain: [UInt8] = []
        plain.reserveCapacity(rows.count * (6 + width * 8))
        for row in rows {
            guard let offset = UInt16(exactly: row.slot - base), row.cells.count == width else { throw .damaged }
            plain.append(integer: offset)
        }
        for row in rows { plain.append(integer: row.count) }
        for column in 0..<width {
            for byte in 0..<8 {
                for row in rows {
                    plain.append(UInt8(truncatingIfNeeded: row.cells[column].bitPattern >> (UInt64(byte) * 8)))
                }
            }
        }
        var bytes: [UInt8] = [Self.version, UInt8(width)]
        bytes.append(integer: UInt16(rows.count))
        let capacity = ZSTD_compressBound(plain.count)
        let compressed = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            let size = unsafe plain.withUnsafeBytes { source in
                unsafe ZSTD_compress(buffer.baseAddress, capacity, source.baseAddress, source.count, 3)
            }
            count = ZSTD_isError(size) == 0 ? size : 0
        }
        if compressed.isEmpty { throw .notCompressed }
        return bytes + compressed
    }

    init(rows: [Row]) { self.rows = rows }

    /// Reads what ``encode(base:width:)`` wrote.
    /// - Throws: ``MetricBlockError/damaged`` for anything else.
    init(_ bytes: [UInt8], base: Int64, width: Int) throws(MetricBlockError) {
        guard bytes.count > 4, bytes[0] == Self.version, bytes[1] == width else { throw .damaged }
        let count = Int(bytes.integer(at: 2, UInt16.self))
        guard count <= Self.rowLimit else { throw .damaged }
        let size = count * (6 + width * 8)
        var isWhole = false
        let plain = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, written in
            let found = unsafe bytes.withUnsafeBytes { source in
                unsafe ZSTD_decompress(
                    buffer.baseAddress, size, source.baseAddress.map { unsafe $0 + 4 }, source.count - 4)
            }
            isWhole = ZSTD_isError(found) == 0 && found == size
            written = isWhole ? size : 0
        }
        guard isWhole else { throw .damaged }
        rows = []
        rows.reserveCapacity(count)
        for index in 0..<count {
            var cells = [Double](repeating: 0, count: width)
            for column in 0..<width {
                var pattern: UInt64 = 0
                for byte in 0..<8 {
                    pattern |= UInt64(plain[count * 6 + (column * 8 + byte) * count + index]) << (UInt64(byte) * 8)
                }
                cells[column] = Double(bitPattern: pattern)
            }
            rows.append(
                Row(
                    slot: base + Int64(plain.integer(at: index * 2, UInt16.self)),
                    count: plain.integer(at: count * 2 + index * 4, UInt32.self), cells: cells))
        }
    }
}

extension [UInt8] {
    /// Little end first.
    fileprivate mutating func append(integer: some FixedWidthInteger & UnsignedInteger) {
        for byte in 0..<(integer.bitWidth / 8) { append(UInt8(truncatingIfNeeded: integer >> (byte * 8))) }
    }

    fileprivate func integer<Number: FixedWidthInteger & UnsignedInteger>(at start: Int, _: Number.Type) -> Number {
        (0..<(Number.bitWidth / 8)).reduce(0) { $0 | Number(truncatingIfNeeded: self[start + $1]) << ($1 * 8) }
    }
}
