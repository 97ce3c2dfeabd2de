using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Criu.Parasite.Tests;

/// <summary>The blob knows these layouts by number.</summary>
public sealed class LayoutTests
{
    [Fact]
    public void A_record_is_laid_out_as_the_blob_reads_it()
    {
        Assert.Equal(SyscallRecord.Size, Unsafe.SizeOf<SyscallRecord>());
        Assert.Equal(RecordOffset.Number, Offset<SyscallRecord>(nameof(SyscallRecord.Number)));
        Assert.Equal(RecordOffset.Flags, Offset<SyscallRecord>(nameof(SyscallRecord.Flags)));
        Assert.Equal(RecordOffset.PatchedArgument, Offset<SyscallRecord>(nameof(SyscallRecord.PatchedArgument)));
        Assert.Equal(RecordOffset.PatchSource, Offset<SyscallRecord>(nameof(SyscallRecord.PatchSource)));
        Assert.Equal(RecordOffset.Arguments, Offset<SyscallRecord>(nameof(SyscallRecord.Arguments)));
        Assert.Equal(RecordOffset.Result, Offset<SyscallRecord>(nameof(SyscallRecord.Result)));
    }

    [Fact]
    public void A_control_block_is_laid_out_as_the_blob_reads_it()
    {
        Assert.True(Unsafe.SizeOf<ControlBlock>() <= ControlBlock.Size);
        Assert.Equal(ControlOffset.Go, Offset<ControlBlock>(nameof(ControlBlock.Go)));
        Assert.Equal(ControlOffset.Done, Offset<ControlBlock>(nameof(ControlBlock.Done)));
        Assert.Equal(ControlOffset.Batch, Offset<ControlBlock>(nameof(ControlBlock.Batch)));
        Assert.Equal(ControlOffset.End, Offset<ControlBlock>(nameof(ControlBlock.End)));
        Assert.Equal(ControlOffset.StoppedAt, Offset<ControlBlock>(nameof(ControlBlock.StoppedAt)));
        Assert.Equal(ControlOffset.Socket, Offset<ControlBlock>(nameof(ControlBlock.Socket)));
        Assert.Equal(ControlOffset.Message, Offset<ControlBlock>(nameof(ControlBlock.Message)));
        Assert.Equal(ControlOffset.Will, Offset<ControlBlock>(nameof(ControlBlock.Will)));
    }

    [Fact]
    public void Registers_are_laid_out_as_in_sys_user()
    {
        Assert.Equal(27 * 8, Unsafe.SizeOf<Registers>());
        Assert.Equal(Registers.R8Offset, Offset<Registers>(nameof(Registers.R8)));
        Assert.Equal(Registers.RaxOffset, Offset<Registers>(nameof(Registers.Rax)));
        Assert.Equal(Registers.RdiOffset, Offset<Registers>(nameof(Registers.Rdi)));
    }

    [Fact]
    public void An_entry_of_poll_is_laid_out_as_in_poll_h()
    {
        Assert.Equal(8, Unsafe.SizeOf<Linux.Abi.PollEntry>());
        Assert.Equal(6, Offset<Linux.Abi.PollEntry>(nameof(Linux.Abi.PollEntry.Found)));
    }

    [Fact]
    public void The_public_numbers_are_the_kernels()
    {
        var kernel = Enum.GetValues<Linux.Abi.Nr>().ToDictionary(n => n.ToString().Replace("_", "", StringComparison.Ordinal), n => (uint)n, StringComparer.OrdinalIgnoreCase);
        Assert.All(Enum.GetValues<Syscall>(), s => Assert.Equal(kernel[s.ToString()], (uint)s));
    }

    [Theory]
    [InlineData(-512, 0, -2), InlineData(-513, 0, -2), InlineData(-514, 0, -2), InlineData(-516, 219, -2), InlineData(-4, -4, 0), InlineData(7, 7, 0)]
    public void An_interrupted_call_is_made_to_restart(long rax, long wanted, int back)
    {
        var resumed = new Registers { OrigRax = 0, Rax = rax, Rip = 0x1000 }.Resumable();
        Assert.Equal((wanted, 0x1000 + back, -1L), (resumed.Rax, resumed.Rip, resumed.OrigRax));
    }

    [Fact]
    public void Outside_of_a_call_nothing_restarts()
    {
        var regs = new Registers { OrigRax = -1, Rax = -512, Rip = 0x1000 };
        Assert.Equal(regs, regs.Resumable());
    }

    private static int Offset<T>(string field) => (int)Marshal.OffsetOf<T>(field);
}
