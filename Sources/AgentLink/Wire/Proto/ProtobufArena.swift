import CNezhaProto
import CProtobufC

/// The memory of one message while it is read or written: a piece that the caller lends, then more from the heap up to a
/// budget; all of it goes at once. So a message of usual size needs no allocation, and a hostile one, where two bytes
/// become a structure each (protobuf-c 796), stays within bounds.
@safe struct ProtobufArena: ~Copyable {
    /// Of the pieces from the heap, so that many small allocations share one.
    private static let pieceSize = 16 << 10
    private static let alignment = 16

    private var free: UnsafeMutableRawBufferPointer
    private var pieces: [UnsafeMutableRawPointer] = unsafe []
    private var budget: Int
    /// Whether something did not fit into the budget.
    private(set) var isExhausted = false

    /// - Parameters:
    ///   - lent: must outlive the arena.
    ///   - budget: how many bytes may come from the heap.
    @unsafe init(lent: UnsafeMutableRawBufferPointer, budget: Int) {
        unsafe free = lent
        self.budget = budget
    }

    deinit {
        for index in unsafe pieces.indices { unsafe pieces[index].deallocate() }
    }

    /// - Returns: `nil` when the budget is used up.
    mutating func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
        guard count <= Int.max - Self.alignment else { return unsafe exhausted() }
        let size = max(Self.alignment, (count + Self.alignment - 1) & ~(Self.alignment - 1))
        if unsafe size > free.count {
            let piece = max(size, Self.pieceSize)
            guard piece <= budget else { return unsafe exhausted() }
            budget -= piece
            let memory = UnsafeMutableRawPointer.allocate(byteCount: piece, alignment: Self.alignment)
            unsafe pieces.append(memory)
            unsafe free = UnsafeMutableRawBufferPointer(start: memory, count: piece)
        }
        let taken = unsafe free.baseAddress
        unsafe free = UnsafeMutableRawBufferPointer(rebasing: free[size...])
        return unsafe taken
    }

    private mutating func exhausted() -> UnsafeMutableRawPointer? {
        isExhausted = true
        return nil
    }

    /// A copy of `text` that lives as long as the arena.
    mutating func copy(_ text: String) -> ProtobufCBinaryData {
        var text = text
        return text.withUTF8 { bytes in
            guard !bytes.isEmpty, let memory = unsafe allocate(bytes.count) else {
                return unsafe ProtobufCBinaryData()
            }
            unsafe memory.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
            return unsafe ProtobufCBinaryData(
                len: bytes.count, data: memory.bindMemory(to: UInt8.self, capacity: bytes.count))
        }
    }

    /// A copy of `values`, which must be trivial, that lives as long as the arena.
    mutating func copy<Value>(_ values: [Value]) -> UnsafeMutablePointer<Value>? {
        guard !values.isEmpty, let memory = unsafe allocate(values.count * MemoryLayout<Value>.stride) else {
            return nil
        }
        let copy = unsafe memory.bindMemory(to: Value.self, capacity: values.count)
        unsafe copy.initialize(from: values, count: values.count)
        return unsafe copy
    }
}
